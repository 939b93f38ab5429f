//! One attack and what must come of it.

use codecourier_sandbox::FileOwner::{Root, User};
use codecourier_sandbox::{FileOwner, Sandbox};

use crate::common::words;

/// One attack: its number and name, who tries, what is tried, what must be said, and what must not.
pub(crate) struct Probe {
    name: &'static str,
    user: FileOwner,
    line: String,
    /// One of these must be in the output.
    must: &'static [&'static str],
    /// None of these may be.
    pub(crate) never: &'static [&'static str],
}

pub(crate) fn probe(
    name: &'static str,
    user: FileOwner,
    line: impl Into<String>,
    must: &'static [&'static str],
) -> Probe {
    Probe {
        name,
        user,
        line: line.into(),
        must,
        never: &[],
    }
}

impl Probe {
    pub(crate) fn never(self, never: &'static [&'static str]) -> Self {
        Self { never, ..self }
    }
}

pub(crate) async fn try_all(sandbox: &dyn Sandbox, probes: Vec<Probe>) {
    let mut broken = Vec::new();
    for probe in probes {
        let said = words(sandbox, probe.user, &probe.line).await;
        let right = probe.must.is_empty() || probe.must.iter().any(|must| said.contains(must));
        let leaked = probe.never.iter().find(|never| said.contains(**never));
        if !right || leaked.is_some() {
            broken.push(format!("{} ({}): {said}", probe.name, probe.user.as_str()));
        }
    }
    assert!(broken.is_empty(), "walls that are down:\n{}", broken.join("\n"));
}

/// A system call by number, from Python: what it returns and the name of its error.
pub(crate) fn system_call(arguments: &str) -> String {
    format!(
        "python3 -c \"\nimport ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         result = libc.syscall({arguments})\nerror = ctypes.get_errno()\n\
         print('GOT' if result >= 0 else errno.errorcode.get(error, error))\""
    )
}

/// Both users try.
pub(crate) fn both(name: &'static str, line: impl Into<String>, must: &'static [&'static str]) -> [Probe; 2] {
    let line = line.into();
    [probe(name, User, line.clone(), must), probe(name, Root, line, must)]
}
