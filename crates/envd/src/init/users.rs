//! Who a process runs as and who owns a file: the sandbox's own `/etc/passwd` and `/etc/group`, read by hand.
//!
//! No name service: the binary is static, and what the sandbox's libraries say must not run in pid 1. The files belong
//! to the sandbox, so every line may be nonsense; nonsense lines are skipped.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::DefaultUser;

/// More than this of either file is not read.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;
/// The kernel's limit of supplementary groups is far higher; nobody has this many.
const GROUPS_LIMIT: usize = 256;

/// A user as far as a process needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Login name.
    pub(crate) name: String,
    /// User id.
    pub(crate) uid: u32,
    /// Primary group id.
    pub(crate) gid: u32,
    /// Primary and supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// Home directory.
    pub(crate) home: PathBuf,
}

/// The user of that name, or the default one when no name is given. `None` when nobody is called so.
pub(crate) fn find_user(name: Option<&str>, default: &DefaultUser) -> Option<Identity> {
    let name = name.filter(|name| !name.is_empty()).unwrap_or(&default.name);
    let passwd = read(Path::new("/etc/passwd"));
    let mut identity = parse_user(&passwd, name).or_else(|| {
        (name == default.name).then(|| Identity {
            name: default.name.clone(),
            uid: default.uid,
            gid: default.gid,
            groups: Vec::new(),
            home: default.home.clone(),
        })
    })?;
    identity.groups = parse_groups(&read(Path::new("/etc/group")), &identity.name, identity.gid);
    Some(identity)
}

/// Names of ids, for listings. Read once per listing.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    /// Reads both files.
    pub(crate) fn read() -> Self {
        Self {
            users: parse_names(&read(Path::new("/etc/passwd"))),
            groups: parse_names(&read(Path::new("/etc/group"))),
        }
    }

    /// The user's name, or the number.
    pub(crate) fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// The group's name, or the number.
    pub(crate) fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
    }
}

fn read(path: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(file) = File::open(path) {
        // What could be read counts; a broken file reads as short.
        let _ = file.take(FILE_LIMIT).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn parse_user(passwd: &str, name: &str) -> Option<Identity> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (found, _password, uid, gid, _comment, home) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        if found != name || found.is_empty() {
            return None;
        }
        let home = if home.is_empty() { "/" } else { home };
        Some(Identity {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            groups: Vec::new(),
            home: PathBuf::from(home),
        })
    })
}

fn parse_groups(group: &str, user: &str, primary: u32) -> Vec<u32> {
    let mut groups = vec![primary];
    for line in group.lines() {
        let mut fields = line.split(':').skip(2);
        let (Some(gid), Some(members)) = (fields.next().and_then(|gid| gid.parse().ok()), fields.next()) else {
            continue;
        };
        if members.split(',').any(|member| member == user) && !groups.contains(&gid) && groups.len() < GROUPS_LIMIT {
            groups.push(gid);
        }
    }
    groups
}

fn parse_names(file: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in file.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(id)) = (fields.next(), fields.nth(1).and_then(|id| id.parse().ok())) {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\ngarbage\nuser:x:1000:1001:,,,:/home/user:/bin/bash\n\
                          bad:x:notanumber:1:::\nhomeless:x:5:6:::\nuser:x:7:7::/evil:\n";
    const GROUP: &str =
        "root:x:0:\ndocker:x:44:someone,user\nuser:x:1001:user\nvideo:x:45:user,\nbroken\nbad:x:x:user\n";

    #[test]
    fn a_user_is_found_with_home_and_ids() {
        let user = parse_user(PASSWD, "user").unwrap();
        assert_eq!(
            (user.uid, user.gid, user.home.to_str().unwrap()),
            (1000, 1001, "/home/user")
        );
        assert_eq!(parse_user(PASSWD, "homeless").unwrap().home, PathBuf::from("/"));
        for nobody in ["nobody", "bad", "", "garbage", "us"] {
            assert_eq!(parse_user(PASSWD, nobody), None, "{nobody}");
        }
    }

    #[test]
    fn groups_are_the_primary_and_those_that_list_the_user() {
        assert_eq!(parse_groups(GROUP, "user", 1001), [1001, 44, 45]);
        assert_eq!(parse_groups(GROUP, "use", 3), [3]);
    }

    #[test]
    fn the_first_name_of_an_id_counts_and_nameless_ids_are_numbers() {
        let names = Names {
            users: parse_names(PASSWD),
            groups: parse_names(GROUP),
        };
        assert_eq!(names.user(1000), "user");
        assert_eq!(names.user(4242), "4242");
        assert_eq!(names.group(44), "docker");
    }

    #[test]
    fn an_unlisted_default_user_is_taken_as_written() {
        let default = DefaultUser {
            name: "no-such-user-here".into(),
            uid: 4,
            gid: 5,
            home: PathBuf::from("/somewhere"),
        };
        let found = find_user(None, &default).unwrap();
        assert_eq!(
            (found.uid, found.gid, found.home.to_str().unwrap()),
            (4, 5, "/somewhere")
        );
        assert_eq!(find_user(Some("no-such-user-either"), &default), None);
    }
}
