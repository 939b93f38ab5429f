//! `envd serve`: the configuration of a server on a plain host, for tests of the protocol.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use super::{CHILD_CAPABILITIES, Confinement, DefaultUser, InitConfig, Privileges, Scope};

/// Reads `--socket PATH [--journal DIR] [--token TOKEN] [--user NAME] [--env K=V]… [--confine fixed|may-rise]`.
pub(crate) fn parse(arguments: &[String]) -> Result<InitConfig, String> {
    let mut socket = None;
    let mut journal = None;
    let mut token = None;
    let mut user = "root".to_owned();
    let mut environment = Vec::new();
    let mut confinement = Confinement {
        seccomp: None,
        capabilities: None,
        privileges: Privileges::Fixed,
        open_files: 65_536,
    };
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--socket" => socket = Some(PathBuf::from(value)),
            "--journal" => journal = Some(PathBuf::from(value)),
            "--token" => token = Some(value.clone()),
            "--user" => user.clone_from(value),
            "--confine" => confinement = confined(value)?,
            "--env" => {
                let (name, value) = value.split_once('=').ok_or("--env takes NAME=VALUE")?;
                environment.push((name.to_owned(), value.to_owned()));
            }
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    let socket = socket.ok_or("--socket PATH is required")?;
    let listener =
        UnixListener::bind(&socket).map_err(|error| format!("cannot listen at {}: {error}", socket.display()))?;
    Ok(InitConfig {
        listener,
        control: None,
        default_user: DefaultUser {
            name: user,
            uid: 0,
            gid: 0,
            home: PathBuf::from("/root"),
        },
        working_directory: None,
        environment,
        platform_environment: vec![("E2B_SANDBOX".to_owned(), "true".to_owned())],
        access_token: token,
        journal_directory: journal.unwrap_or_else(|| socket.with_extension("journal")),
        memory_events: None,
        confinement,
        scope: if std::process::id() == 1 {
            Scope::PidNamespace
        } else {
            Scope::Descendants
        },
    })
}

/// What a sandbox does to its children, with a filter so small that a test can tell that it is there: no `chroot`.
fn confined(privileges: &str) -> Result<Confinement, String> {
    let privileges = match privileges {
        "fixed" => Privileges::Fixed,
        "may-rise" => Privileges::MayRise,
        other => return Err(format!("--confine takes fixed or may-rise, not {other}")),
    };
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let rules = [(libc::SYS_chroot, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, TargetArch::x86_64);
    let program = filter
        .and_then(BpfProgram::try_from)
        .map_err(|error| error.to_string())?;
    Ok(Confinement {
        seccomp: Some(program),
        capabilities: Some(CHILD_CAPABILITIES),
        privileges,
        open_files: 1024,
    })
}
