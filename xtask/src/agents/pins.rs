//! Reads and replaces what `crates/domain/src/agent_pin.rs` says of one agent.
//!
//! Invariants: nothing of the file is changed but the texts of that agent; what is written is the whole file or nothing,
//! whenever this process is killed; and only texts that are versions and checksums get into it.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use crate::Outcome;

/// The file, relative to the repository.
pub(super) const FILE: &str = "crates/domain/src/agent_pin.rs";

/// The agents that have a pin.
pub(super) const AGENTS: [&str; 4] = ["claude", "codex", "opencode", "pi"];

/// What is pinned for one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) package: String,
    pub(super) build: String,
    pub(super) version: String,
    pub(super) integrity: String,
}

impl Pin {
    /// The pin of an agent in the text of the file.
    pub(super) fn of(agent: &str, text: &str) -> Result<Self, String> {
        let field = |name: &str| Ok::<_, String>(text[place(agent, name, text)?].to_owned());
        Ok(Self {
            package: field("package")?,
            build: field("build")?,
            version: field("version")?,
            integrity: field("integrity")?,
        })
    }

    /// The text of the file with this pin for the agent. Its package stays.
    pub(super) fn put(&self, agent: &str, text: &str) -> Result<String, String> {
        check_version(&self.version)?;
        check_version(&self.build)?;
        check_integrity(&self.integrity)?;
        let mut text = text.to_owned();
        for (name, value) in [
            ("build", &self.build),
            ("version", &self.version),
            ("integrity", &self.integrity),
        ] {
            let place = place(agent, name, &text)?;
            text.replace_range(place, value);
        }
        Ok(text)
    }

    /// The package's version that has this version of the program for the same platform.
    pub(super) fn build_of(&self, version: &str) -> String {
        let platform = self.build.strip_prefix(&self.version).unwrap_or_default();
        format!("{version}{platform}")
    }
}

/// Where the text of a field is, without its quotes.
fn place(agent: &str, name: &str, text: &str) -> Result<Range<usize>, String> {
    let head = format!("pub const {}: AgentPin = AgentPin {{", agent.to_uppercase());
    let found = text.find(&head).and_then(|start| {
        let end = start + text[start..].find("};")?;
        let key = format!("{name}: \"");
        let from = start + text[start..end].find(&key)? + key.len();
        let to = from + text[from..end].find('"')?;
        Some(from..to)
    });
    found.ok_or_else(|| format!("{FILE}: there is no `{name}` of `{agent}`"))
}

/// Whether this is one exact version, as npm has them: no range, no tag, nothing that means anything to a shell or a path.
pub(super) fn check_version(version: &str) -> Outcome {
    let begins_well = version.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    if begins_well && version.len() <= 64 && version.contains('.') && version.bytes().all(is_plain) {
        return Ok(());
    }
    Err(format!("`{}` is no exact version", version.escape_default()))
}

/// Whether this is a checksum of the only kind that a template takes.
pub(super) fn check_integrity(integrity: &str) -> Outcome {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    match integrity.strip_prefix("sha512-") {
        Some(sum) if sum.len() == 88 && sum.bytes().all(is_base64) => Ok(()),
        _ => Err(format!("`{}` is no SHA-512", integrity.escape_default())),
    }
}

/// Writes a file so that it is the old one or the new one, whenever this process is killed.
pub(super) fn replace(path: &Path, contents: &[u8]) -> Outcome {
    let failed = |error| format!("{}: {error}", path.display());
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside).map_err(failed)?;
    file.write_all(contents).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn every_agents_pin_is_read_and_moved_alone() {
        let text = fs::read_to_string(workspace::root().join(FILE)).unwrap();
        for agent in AGENTS {
            let pin = Pin::of(agent, &text).unwrap();
            assert_eq!(pin.put(agent, &text).unwrap(), text, "{agent}");
            let moved = Pin {
                build: pin.build_of("9.8.7-beta.1"),
                version: "9.8.7-beta.1".to_owned(),
                integrity: format!("sha512-{}==", "A".repeat(86)),
                ..pin
            };
            let changed = moved.put(agent, &text).unwrap();
            for other in AGENTS {
                let expected = if other == agent {
                    moved.clone()
                } else {
                    Pin::of(other, &text).unwrap()
                };
                assert_eq!(Pin::of(other, &changed).unwrap(), expected, "{other} after {agent}");
            }
        }
        let codex = Pin::of("codex", &text).unwrap();
        assert_eq!(codex.build_of("1.2.3"), "1.2.3-linux-x64");
        assert!(Pin::of("other", &text).is_err());
    }

    #[test]
    fn what_a_registry_says_gets_into_the_source_only_if_it_is_a_version() {
        for version in ["latest", "^1.2.3", "1", "", "1.2.3\"", "1.2/../3", "1.2 3", "1.2\n3"] {
            assert!(check_version(version).is_err(), "{version}");
        }
        assert_eq!(check_version("0.169.0-linux-x64"), Ok(()));
        for integrity in ["", "sha1-abc", "sha512-short", &format!("sha512-{}\"", "A".repeat(87))] {
            assert!(check_integrity(integrity).is_err(), "{integrity}");
        }
    }
}
