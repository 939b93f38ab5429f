//! Every entry that every commit of a step changed: its path, its mode, where a link leads, what `.gitmodules` says.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use crate::error::Error;
use crate::history::{CommitWithChanges, TreeChange};
use crate::receive::Refusal;
use crate::receive::expectation::{Expectation, SubmodulePolicy};
use crate::receive::objects::{self, ObjectSize};
use crate::receive::paths::{check_path, is_file_of_git, is_gitmodules};
use crate::receive::quarantine::Quarantine;
use crate::receive::refusal::printable;
use crate::source::{GitUrl, UrlProblem};

const LINK: &str = "120000";
const SUBMODULE: &str = "160000";
const GONE: &str = "000000";

/// The longest target of a link that Linux follows.
const LONGEST_TARGET: u64 = 4096;

/// Refuses the first entry that must not be.
pub(crate) async fn check(
    quarantine: &Quarantine,
    commits: &[CommitWithChanges],
    sizes: &HashMap<String, ObjectSize>,
    expectation: &Expectation,
) -> Result<(), Error> {
    // Ordered, so that the same bundle is always refused for the same reason.
    let mut links: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
    let mut settings: Vec<&str> = Vec::new();
    for change in commits.iter().flat_map(|commit| &commit.changes) {
        check_change(change, expectation.submodules)?;
        if change.new_mode == LINK {
            links.entry(&change.path).or_default().push(&change.object);
        } else if change.new_mode != GONE && is_gitmodules(last_part(&change.path)) {
            settings.push(&change.object);
        }
    }
    check_links(quarantine, &links, sizes).await?;
    settings.sort_unstable();
    settings.dedup();
    check_settings(quarantine, &settings).await
}

fn check_change(change: &TreeChange, submodules: SubmodulePolicy) -> Result<(), Refusal> {
    let path = || printable(&change.path);
    let is_submodule = change.new_mode == SUBMODULE || change.old_mode == SUBMODULE;
    if is_submodule && submodules == SubmodulePolicy::Refuse {
        return Err(Refusal::Submodule { path: path() });
    }
    // Whatever it was, it may go.
    if change.new_mode == GONE {
        return Ok(());
    }
    if let Err(problem) = check_path(&change.path) {
        return Err(Refusal::Path { path: path(), problem });
    }
    match change.new_mode.as_str() {
        "100644" | "100755" | SUBMODULE => Ok(()),
        LINK if is_file_of_git(last_part(&change.path)) => Err(Refusal::SymlinkForGit { path: path() }),
        LINK => Ok(()),
        mode => Err(Refusal::Mode {
            path: path(),
            mode: mode.to_owned(),
        }),
    }
}

async fn check_links(
    quarantine: &Quarantine,
    links: &BTreeMap<&[u8], Vec<&str>>,
    sizes: &HashMap<String, ObjectSize>,
) -> Result<(), Error> {
    let entries: Vec<(&[u8], &str)> = links
        .iter()
        .flat_map(|(path, objects)| objects.iter().map(move |object| (*path, *object)))
        .collect();
    for (path, object) in &entries {
        if sizes.get(*object).is_some_and(|size| size.bytes > LONGEST_TARGET) {
            return Err(Refusal::SymlinkEscapes {
                path: printable(path),
                target: "a target that is too long".to_owned(),
            }
            .into());
        }
    }
    let names: Vec<String> = entries.iter().map(|(_, object)| (*object).to_owned()).collect();
    let reading = quarantine.command("read the step's links");
    let targets = objects::contents(reading, &names, 128 * 1024 * 1024).await?;
    for ((path, _), target) in entries.into_iter().zip(targets) {
        let target = target.unwrap_or_default();
        if escapes(path, &target) {
            return Err(Refusal::SymlinkEscapes {
                path: printable(path),
                target: printable(&target),
            }
            .into());
        }
    }
    Ok(())
}

/// Whether a link at this path leads out of the tree, or into Git's directory. It is enough to count: a link that goes
/// through another link is judged by that one too, and neither may climb above the top at any point of its way.
pub(crate) fn escapes(path: &[u8], target: &[u8]) -> bool {
    if target.is_empty() || target.contains(&0) || target.contains(&b'\\') || target.starts_with(b"/") {
        return true;
    }
    // A drive letter is absolute on Windows.
    if matches!(target, [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return true;
    }
    let mut depth = path.split(|byte| *byte == b'/').count().saturating_sub(1);
    let mut has_descended = false;
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            // After a name, `..` leads from wherever that name leads, which a link in it may have moved: `dir/link/..`.
            b".." if has_descended || depth == 0 => return true,
            b".." => depth -= 1,
            name => {
                if check_path(name) == Err(crate::receive::PathProblem::GitDirectory) {
                    return true;
                }
                has_descended = true;
                depth += 1;
            }
        }
    }
    false
}

async fn check_settings(quarantine: &Quarantine, settings: &[&str]) -> Result<(), Error> {
    let names: Vec<String> = settings.iter().map(|object| (*object).to_owned()).collect();
    let reading = quarantine.command("read the step's settings of submodules");
    let contents = objects::contents(reading, &names, 16 * 1024 * 1024).await?;
    for content in contents.into_iter().flatten() {
        let file = quarantine.place().join("gitmodules");
        fs::write(&file, &content).map_err(Error::files("write", &file))?;
        let listed = quarantine
            .git()
            .command("read the step's settings of submodules", quarantine.place())
            .args(["config", "--list", "-z", "--no-includes", "--file"])
            .arg(&file)
            .finish()
            .await?;
        if !listed.status.success() {
            return Err(Refusal::SubmoduleSetting {
                key: "(unreadable)".to_owned(),
            }
            .into());
        }
        for entry in listed.output.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            check_setting(&String::from_utf8_lossy(entry))?;
        }
    }
    Ok(())
}

/// `submodule.<name>.<variable>` LF `<value>`
fn check_setting(entry: &str) -> Result<(), Refusal> {
    let (key, value) = entry.split_once('\n').unwrap_or((entry, ""));
    let refused = || Refusal::SubmoduleSetting {
        key: printable(key.as_bytes()),
    };
    let rest = key.strip_prefix("submodule.").ok_or_else(refused)?;
    let (name, variable) = rest.rsplit_once('.').ok_or_else(refused)?;
    // The name becomes a directory below `.git/modules`.
    check_path(name.as_bytes()).map_err(|_| refused())?;
    match variable {
        "url" => check_url(value),
        "path" => check_path(value.as_bytes()).map_err(|_| refused()),
        "update" if matches!(value, "checkout" | "rebase" | "merge" | "none") => Ok(()),
        "branch" if !value.starts_with('-') => Ok(()),
        "shallow" | "ignore" | "fetchrecursesubmodules" => Ok(()),
        _ => Err(refused()),
    }
}

fn check_url(value: &str) -> Result<(), Refusal> {
    let refused = |problem| {
        Err(Refusal::SubmoduleUrl {
            url: crate::source::redacted(value),
            problem,
        })
    };
    // Relative to the project's own URL.
    if let Some(rest) = value.strip_prefix("./").or_else(|| value.strip_prefix("../")) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
        return if rest.bytes().all(is_plain) {
            Ok(())
        } else {
            refused(UrlProblem::Path)
        };
    }
    match value.parse::<GitUrl>() {
        Ok(_) => Ok(()),
        Err(error) => refused(error.problem),
    }
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn links_inside_the_tree_are_taken() {
        for (path, target) in [
            ("link", "file"),
            ("a/link", "../file"),
            ("a/b/link", "../../c/d"),
            ("link", "./a/./b"),
            ("a/link", ".."),
            ("link", "dangling/nowhere"),
        ] {
            assert!(!escapes(path.as_bytes(), target.as_bytes()), "{path} → {target}");
        }
    }

    #[test]
    fn links_out_of_the_tree_are_found() {
        for (path, target) in [
            ("link", "/etc/passwd"),
            ("link", ".."),
            ("link", "../x"),
            ("a/link", "../../x"),
            ("a/link", "../b/../../x"),
            ("link", "a/../../x"),
            ("link", "other-link/.."),
            ("link", ".git/config"),
            ("a/link", "../.GIT/hooks"),
            ("link", "C:/Windows"),
            ("link", "..\\..\\x"),
            ("link", ""),
            ("link", "a\0b"),
        ] {
            assert!(escapes(path.as_bytes(), target.as_bytes()), "{path} → {target:?}");
        }
    }

    #[test]
    fn settings_of_submodules_that_run_or_lead_astray_are_refused() {
        assert_eq!(check_setting("submodule.lib.url\nhttps://github.com/a/b"), Ok(()));
        assert_eq!(check_setting("submodule.lib.url\n../b.git"), Ok(()));
        assert_eq!(check_setting("submodule.lib.path\nvendor/lib"), Ok(()));
        for entry in [
            "submodule.lib.url\next::sh -c id",
            "submodule.lib.url\n-u./payload",
            "submodule.lib.url\nfile:///etc",
            "submodule.lib.url\nhttps://ada:secret@host/x",
            "submodule.lib.url\n../x%0a",
            "submodule.lib.path\n../../x",
            "submodule.lib.path\n.git/hooks",
            "submodule.../../x.url\nhttps://host/x",
            "submodule.lib.update\n!id",
            "core.fsmonitor\nid",
            "submodule.lib.unheard\nx",
        ] {
            assert!(check_setting(entry).is_err(), "{entry:?}");
        }
    }

    proptest! {
        /// Walks the target as a file system without other links would, and never lets a taken one leave.
        #[test]
        fn a_taken_link_stays_inside(path in "[ab](/[ab]){0,3}", target in "(\\.\\.|\\.|a|b)(/(\\.\\.|\\.|a|b)){0,6}") {
            if !escapes(path.as_bytes(), target.as_bytes()) {
                let mut place: Vec<&str> = path.split('/').collect();
                place.pop();
                for part in target.split('/') {
                    match part {
                        "." => {}
                        ".." => prop_assert!(place.pop().is_some()),
                        name => place.push(name),
                    }
                }
            }
        }
    }
}
