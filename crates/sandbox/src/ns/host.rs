//! What this host can give, found out once per process by trying: control groups, disk images, user ids.

use std::fs;
use std::path::Path;

use rustix::process::getuid;

use super::disk;
use super::hierarchy::{self, Found};
use super::launch::Ids;
use crate::{Degradation, Guarantee};

/// The findings.
#[derive(Debug, Clone)]
pub(super) struct Host {
    /// Control groups.
    pub(super) groups: Found,
    /// How user ids can be mapped; `None` means a range of its own per sandbox (root).
    pub(super) ids: Option<Ids>,
    /// Why disk images can't be used, if they can't.
    pub(super) no_images: Option<String>,
    /// What is degraded by all that.
    pub(super) degraded: Vec<Degradation>,
}

const DELEGATE: &str = "run the server as root, or give it a delegated control group (systemd: Delegate=yes)";

impl Host {
    /// Looks around.
    pub(super) fn look(images: &Path) -> Self {
        let groups = hierarchy::find();
        let is_root = getuid().is_root() && may_mount();
        let ids = if is_root { None } else { Some(ordinary_ids()) };
        let no_images = if is_root {
            disk::images_work(images).err()
        } else {
            Some("mounting an image needs root".to_owned())
        };
        let mut degraded = Vec::new();
        for (controller, why) in &groups.missing {
            let (guarantee, instead) = match *controller {
                "memory" => (
                    Guarantee::Memory,
                    "each process may have that much, not all of them together",
                ),
                "cpu" => (Guarantee::Cpu, "only the number of CPUs is limited"),
                "pids" => (Guarantee::Processes, "the limit holds per user id"),
                _ => (Guarantee::Pause, "a sandbox can't be paused"),
            };
            degraded.push(Degradation {
                guarantee,
                why: why.clone(),
                instead: instead.to_owned(),
                remedy: DELEGATE.to_owned(),
            });
        }
        if let Some(why) = &no_images {
            degraded.push(Degradation {
                guarantee: Guarantee::Disk,
                why: why.clone(),
                instead: "what is written is counted every few seconds, and a sandbox above its limit is killed"
                    .to_owned(),
                remedy: "run the server as root, with loop devices and mkfs.ext4 (e2fsprogs)".to_owned(),
            });
        }
        if ids == Some(Ids::Single) {
            degraded.push(Degradation {
                guarantee: Guarantee::UserIds,
                why: "newuidmap is missing or /etc/subuid has no range of 65,536 for this user".to_owned(),
                instead: "everything inside runs as one user, which is the server's own outside".to_owned(),
                remedy: "install uidmap and add ranges to /etc/subuid and /etc/subgid, or run the server as root"
                    .to_owned(),
            });
        }
        Self {
            groups,
            ids,
            no_images,
            degraded,
        }
    }
}

/// Root without it (in a container) goes the way of an ordinary user.
fn may_mount() -> bool {
    let sets = rustix::thread::capabilities(None);
    sets.is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN))
}

fn ordinary_ids() -> Ids {
    let helpers = ["newuidmap", "newgidmap"].iter().all(|helper| {
        ["/usr/bin", "/bin", "/usr/local/bin"]
            .iter()
            .any(|directory| Path::new(directory).join(helper).exists())
    });
    let uid = getuid().as_raw();
    let name = user_name(uid);
    // Both files are about users; the one of group ids, too.
    let range = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        range_of(&text, &name, uid)
    };
    match (helpers, range("/etc/subuid"), range("/etc/subgid")) {
        (true, Some(uid_start), Some(gid_start)) => Ids::Delegated { uid_start, gid_start },
        _ => Ids::Single,
    }
}

/// How many ids a sandbox has.
const IDS: u32 = 65_536;

fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = passwd
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    line.and_then(|line| line.split(':').next())
        .unwrap_or_default()
        .to_owned()
}

/// The first id of the first range that is large enough: the one that templates are built over, too.
fn range_of(text: &str, name: &str, id: u32) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let ours = !name.is_empty() && owner == name || owner == id.to_string();
        if !ours {
            return None;
        }
        let (first, count): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (count >= IDS).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_by_number() {
        let text = "other:100000:65536\nme:90000:10\nme:165536:65536\n1007:231072:70000\n1008:1:1000\n";
        assert_eq!(range_of(text, "me", 1001), Some(165_536));
        assert_eq!(range_of(text, "", 1007), Some(231_072));
        assert_eq!(range_of(text, "", 1008), None);
        assert_eq!(range_of(text, "nobody", 1), None);
    }
}
