//! As whom layers are built, and how to run a program that may make files of any user in them.
//!
//! Root builds with its own ids: uid 0 of a layer is uid 0 of the host. An ordinary user builds in a user namespace over
//! the host's subordinate ids: uid 0 of a layer is the first of those, written as `idBase` in its manifest.
//! In both cases the program gets its own mount and process namespaces, so that a killed build leaves no mount and no process.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::error::Error;
use super::spawn::{Input, Tool};

/// Who builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Root,
    Ordinary(IdMap),
}

/// A mapping of ids for a user namespace: 0 to 65535 are the subordinate ids, 65536 is the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IdMap {
    user: u32,
    group: u32,
    first_subordinate: u32,
}

/// What a wrapped program may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    HostNetwork,
    NoNetwork,
}

/// How many ids a layer needs.
const IDS: u32 = 65_536;

impl Identity {
    /// That of this process.
    pub(super) fn of_this_process() -> Result<Self, Error> {
        let user = rustix::process::geteuid();
        if user.is_root() {
            return Ok(Self::Root);
        }
        let group = rustix::process::getegid();
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let name = user_name(&read("/etc/passwd"), user.as_raw());
        let advice = || {
            format!(
                "Install the package `uidmap` and give the user ids: `usermod --add-subuids 100000-165535 \
                 --add-subgids 100000-165535 {}`; or run as root",
                name.as_deref().unwrap_or("USER")
            )
        };
        let missing = |reason: &str| Error::NoSubordinateIds {
            reason: reason.to_owned(),
            advice: advice(),
        };
        let first = |path: &str| first_range(&read(path), name.as_deref(), user.as_raw());
        let users = first("/etc/subuid").ok_or_else(|| missing("/etc/subuid has no 65536 ids for this user"))?;
        let groups = first("/etc/subgid").ok_or_else(|| missing("/etc/subgid has no 65536 ids for this user"))?;
        if users != groups {
            return Err(missing(
                "its ranges in /etc/subuid and /etc/subgid begin at different ids",
            ));
        }
        if !Path::new("/usr/bin/newuidmap").exists() {
            return Err(missing("`newuidmap` is not installed"));
        }
        Ok(Self::Ordinary(IdMap {
            user: user.as_raw(),
            group: group.as_raw(),
            first_subordinate: users,
        }))
    }

    /// The host's uid that uid 0 of a layer is stored as.
    pub(super) fn id_base(&self) -> u32 {
        match self {
            Self::Root => 0,
            Self::Ordinary(map) => map.first_subordinate,
        }
    }

    /// This program as root of a layer: in its own mount and process namespaces, and killed with what started it.
    pub(super) fn as_layer_root(
        &self,
        reach: Reach,
        directory: &Path,
        held: &std::fs::File,
        argv: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Tool, Error> {
        let mut isolated: Vec<OsString> = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
            .map(OsString::from)
            .to_vec();
        isolated.extend((reach == Reach::NoNetwork).then(|| "--net".into()));
        isolated.push("--".into());
        isolated.extend(argv.into_iter().map(|argument| argument.as_ref().to_owned()));
        let (argv, input) = match self {
            Self::Root => {
                let held = held
                    .try_clone()
                    .map_err(|error| Error::host("hold", directory, error))?;
                (isolated, Input::File(held))
            }
            Self::Ordinary(map) => (IdMap::wrap(isolated), Input::UserNamespace(map.clone())),
        };
        Ok(Tool {
            argv,
            directory: directory.to_owned(),
            input,
        })
    }
}

impl IdMap {
    /// Puts a program into a new user namespace: it waits there until its ids are mapped, then becomes root of it.
    /// `--keep-caps`, because a program started before its ids are mapped would lose the right to change them.
    fn wrap(program: Vec<OsString>) -> Vec<OsString> {
        let handshake =
            r#"printf . && read -r _ && exec setpriv --reuid=0 --regid=0 --clear-groups -- "$@" </dev/null"#;
        let mut argv: Vec<OsString> = ["unshare", "--user", "--keep-caps", "--", "sh", "-c", handshake, "sh"]
            .map(OsString::from)
            .to_vec();
        argv.extend(program);
        argv
    }

    /// The programs that set the maps of this process from outside.
    pub(super) fn commands(&self, pid: u32) -> [Vec<String>; 2] {
        let command = |program: &str, own: u32| {
            let numbers = [pid, 0, self.first_subordinate, IDS, IDS, own, 1];
            let mut argv = vec![program.to_owned()];
            argv.extend(numbers.map(|number| number.to_string()));
            argv
        };
        [command("newuidmap", self.user), command("newgidmap", self.group)]
    }
}

/// The name of a user in the text of `/etc/passwd`.
fn user_name(passwd: &str, user: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    })
}

/// The first id of the first range that is large enough, in the text of `/etc/subuid`.
fn first_range(subids: &str, name: Option<&str>, user: u32) -> Option<u32> {
    subids.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let first = fields.next()?.parse().ok()?;
        let count: u32 = fields.next()?.trim().parse().ok()?;
        let is_ours = Some(owner) == name || owner.parse() == Ok(user);
        (is_ours && count >= IDS).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ids_are_found_by_name_or_number_and_only_when_enough() {
        let file = "alice:100000:1000\nalice:200000:65536\n1002:300000:65536\n";
        assert_eq!(first_range(file, Some("alice"), 1001), Some(200_000));
        assert_eq!(first_range(file, Some("bob"), 1002), Some(300_000));
        assert_eq!(first_range(file, Some("carol"), 1003), None);
        assert_eq!(first_range("broken\n::\n", None, 0), None);
    }

    #[test]
    fn the_user_is_found_in_passwd() {
        let file = "root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/sh\n";
        assert_eq!(user_name(file, 1001).as_deref(), Some("alice"));
        assert_eq!(user_name(file, 1002), None);
    }
}
