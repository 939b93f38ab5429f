//! Asks an installed program for its version, in the root file system it will run in: all layers, no network, as the
//! ordinary user. A layer whose program does not answer with the pinned version is not kept.

use super::build::Build;
use super::error::Error;
use super::identity::Reach;
use super::progress::Stage;

/// Mounts the layers, read-only, and runs `$4 --version` in them. `$1` is the list of layers, highest first, `$2` an
/// empty directory, `$3` the host's `/dev` (a program may need `/dev/null` and `/dev/urandom`).
const SCRIPT: &str = r#"set -e
mount -t overlay overlay -o "ro,lowerdir=$1" "$2"
mount --rbind "$3" "$2/dev"
mount -t proc proc "$2/proc"
mount -t tmpfs -o mode=1777 tmpfs "$2/tmp"
exec chroot --userspec=1000:1000 "$2" /usr/bin/env -i HOME=/tmp PATH=/usr/local/bin:/usr/bin:/bin "$4" --version </dev/null
"#;

pub(super) async fn version(build: &mut Build<'_>, command: &str, pinned: &str) -> Result<(), Error> {
    build.stage(Stage::CheckingVersion, command);
    let root = build.directory.join("check");
    std::fs::create_dir_all(&root).map_err(|error| Error::host("create", &root, error))?;
    // Relative to the build's directory, since a path in this list may hold neither `:` nor `,`.
    let mut layers = vec!["rootfs".to_owned()];
    layers.extend(
        build
            .wish
            .below
            .iter()
            .rev()
            .map(|layer| format!("../{}/rootfs", layer.digest)),
    );
    let argv = ["sh", "-c", SCRIPT, "sh", &layers.join(":"), "check", "/dev", command];
    let tool = build.as_layer_root(Reach::NoNetwork, argv)?;
    // A program may have something to complain of first.
    let (mut said, mut is_named) = (String::new(), false);
    build
        .run(Stage::CheckingVersion, command, tool, &mut |line| {
            is_named |= names_version(line, pinned);
            if said.is_empty() {
                line.clone_into(&mut said);
            }
        })
        .await?;
    std::fs::remove_dir(&root).map_err(|error| Error::host("delete", &root, error))?;
    if is_named {
        return Ok(());
    }
    Err(Error::Version {
        command: command.to_owned(),
        expected: pinned.to_owned(),
        actual: said,
        log: build.log_path(),
    })
}

/// Whether one of the words of `said` is the version, with or without a leading `v`.
fn names_version(said: &str, version: &str) -> bool {
    said.split_whitespace()
        .any(|word| word.strip_prefix('v').unwrap_or(word) == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_must_be_a_whole_word() {
        assert!(names_version("2.1.330 (Claude Code)", "2.1.330"));
        assert!(names_version("v22.23.3", "22.23.3"));
        assert!(!names_version("2.1.3301 (Claude Code)", "2.1.330"));
        assert!(!names_version("12.1.330", "2.1.330"));
        assert!(!names_version("", "2.1.330"));
    }
}
