//! What the server tells a sandbox's shim, and what the shim answers. Read by both sides.
//!
//! This file is a module of `envd` and, by path, of the `sandbox` crate, so that there is one definition. It may use
//! serde and std only. The server carries the `envd` it was built with, so both sides always have the same version.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The arguments of the shim: one JSON object on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LaunchSpec {
    /// The sandbox's directory on the host. Sockets and records are made in it.
    pub(crate) state: PathBuf,
    /// The host name inside.
    pub(crate) hostname: String,
    /// User ids.
    pub(crate) ids: Ids,
    /// The layers, lowest first.
    pub(crate) layers: Vec<Layer>,
    /// Where the sandbox's own writes go.
    pub(crate) disk: Disk,
    /// The sandbox's control groups, already made and limited.
    pub(crate) groups: Vec<Group>,
    /// Environment of every process inside.
    pub(crate) environment: Vec<(String, String)>,
    /// Whether the gateway's listener is made.
    pub(crate) gateway_port: Option<u16>,
    /// Milliseconds the sandbox may live.
    pub(crate) life_ms: u64,
    /// Shown by `/proc/meminfo`, and the size of what is in memory.
    pub(crate) memory_mb: u32,
    /// Shown by `/proc/cpuinfo` and by the affinity.
    pub(crate) cpus: u32,
    /// Spreads sandboxes over the host's CPUs.
    pub(crate) cpu_offset: u32,
    /// Without a control group for memory: the resource limits that stand in.
    pub(crate) fallback: Fallback,
}

/// How user ids inside map to the host's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Ids {
    /// The server is root: 65,536 ids from here on, and layers are mapped onto them.
    Mapped {
        /// The host's id for uid 0.
        base: u32,
    },
    /// The server is an ordinary user with ranges in `/etc/subuid` and `/etc/subgid`.
    Delegated {
        /// The first subordinate uid.
        uid_start: u32,
        /// The first subordinate gid.
        gid_start: u32,
    },
    /// An ordinary user without ranges: uid 0 inside is that user, and there is no other.
    Single,
}

/// One lower layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Layer {
    /// Its tree.
    pub(crate) rootfs: PathBuf,
    /// The host's uid that its uid 0 is stored as.
    pub(crate) id_base: u32,
}

/// Where the upper and work directories lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Disk {
    /// In `<state>/disk`, watched: above the limit the sandbox is killed.
    Directory {
        /// The limit.
        limit_bytes: u64,
    },
    /// In a file system of their own inside `<state>/disk.img`: above the limit, writes fail.
    Image,
}

/// A control group the sandbox joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    /// Its directory.
    pub(crate) path: PathBuf,
    /// Version 1 or 2.
    pub(crate) version: GroupVersion,
    /// What it is used for.
    pub(crate) controllers: Vec<String>,
}

/// The two interfaces of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupVersion {
    /// One hierarchy per controller.
    V1,
    /// One hierarchy.
    V2,
}

/// Resource limits set when there is no control group for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fallback {
    /// `RLIMIT_DATA` of each process.
    pub(crate) data_bytes: Option<u64>,
    /// `RLIMIT_NPROC` of each user.
    pub(crate) processes: Option<u64>,
}

/// The shim's one line on standard output when it is through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Launched {
    /// The sandbox's first process is about to serve.
    Ready {
        /// Its pid on the host.
        init_pid: i32,
    },
    /// It could not be made. Nothing is left of it but the directory and the control groups.
    Failed {
        /// Which step.
        step: String,
        /// What the system said.
        message: String,
    },
}

/// A request at the shim's control socket: one packet, one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub(crate) enum Request {
    /// How is it?
    Status,
    /// Pass the gateway's listener.
    GatewayListener,
    /// Kill everything, write down why, and end.
    Kill {
        /// Why.
        reason: EndReason,
    },
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub(crate) enum Answer {
    /// It runs.
    Status {
        /// The host's pid of pid 1.
        init_pid: i32,
        /// The host's pid of the shim.
        shim_pid: i32,
        /// Milliseconds left of its time.
        left_ms: u64,
    },
    /// The descriptor comes with this packet.
    Listener,
    /// Nothing of it lives any more.
    Killed {
        /// How many processes there were, as far as the shim could count.
        processes: u32,
    },
    /// The request can't be answered.
    Refused {
        /// Why.
        message: String,
    },
}

/// Why a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndReason {
    /// Its time was over.
    TimedOut,
    /// Pid 1 was killed for want of memory.
    OutOfMemory,
    /// It wrote more than its limit.
    DiskFull,
    /// It was asked to.
    Killed,
    /// Pid 1 ended.
    Crashed,
}

/// `<state>/ended.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndRecord {
    /// Why.
    pub(crate) reason: EndReason,
    /// Milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// More, for people.
    pub(crate) detail: String,
}

/// The names in a sandbox's directory that both sides know.
pub(crate) mod name {
    /// The shim's control socket (packets).
    pub(crate) const CONTROL: &str = "control.sock";
    /// The daemon's socket.
    pub(crate) const ENVD: &str = "envd.sock";
    /// Written once, when the sandbox ended.
    pub(crate) const ENDED: &str = "ended.json";
    /// The shim's pid, so that it can be killed even when it does not answer.
    pub(crate) const SHIM_PID: &str = "shim.pid";
    /// The shim's complaints. An advisory lock on it is held for as long as the shim, or whoever is starting it, lives.
    pub(crate) const LOG: &str = "shim.log";
    /// What pid 1 complained about.
    pub(crate) const COMPLAINTS: &str = "init.log";
    /// Mount point of the shim's private root. Always empty in the host's view.
    pub(crate) const STAGE: &str = "stage";
    /// Upper and work directories, for [`super::Disk::Directory`].
    pub(crate) const DISK: &str = "disk";
    /// The image, for [`super::Disk::Image`].
    pub(crate) const IMAGE: &str = "disk.img";
}
