//! `Start`: from a request to a living process.
//!
//! Everything between the check for `once` and the entry in the registry happens without a pause, so two requests with
//! one tag can never both start.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use codecourier_e2b::extension::{StartExtension, TAG_VARIABLE};
use codecourier_e2b::process::{PtySize, StartRequest};
use codecourier_e2b::{Code, ConnectError};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::super::files::resolve;
use super::super::users::Identity;
use super::super::{Server, clock, tasks};
use super::confine::{Prepared, Terminal};
use super::journal::{Journal, is_journal_tag};
use super::output::Output;
use super::pump::OutputEnds;
use super::spawn::{Launch, spawn};
use super::stdin::Input;
use super::supervise::{Deadlines, supervise};
use super::terminal::{TerminalEnd, open_terminal};
use super::{Process, Retention};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_TERMINAL: PtySize = PtySize { cols: 80, rows: 24 };

/// What `Start` came to.
#[derive(Debug)]
pub(crate) enum Started {
    /// A new process.
    New(Rc<Process>),
    /// The process that was started with this tag before.
    Before(Rc<Process>),
}

/// Starts a process, or finds the one that was started before.
pub(crate) fn start(
    server: &Rc<Server>,
    mut request: StartRequest,
    user: Option<&str>,
    timeout: Option<Duration>,
) -> Result<Started, ConnectError> {
    let extension = request.codecourier.take().unwrap_or_default();
    let tag = request.tag.take().filter(|tag| !tag.is_empty());
    if let Some(before) = started_before(server, tag.as_deref(), &extension)? {
        return Ok(Started::Before(before));
    }
    server.processes.check_room()?;
    let identity = server.find_user(extension.user.as_deref().or(user))?;
    let directory = working_directory(server, request.process.cwd.as_deref(), &identity)?;
    let environment = environment(server, &request, tag.as_deref(), &identity)?;
    let streams = Streams::open(&request, &extension, &identity).map_err(|error| refused(&error))?;
    let output = open_output(server, tag.as_deref(), &extension)?;
    let terminal = if streams.terminal.is_some() {
        Terminal::OnStdin
    } else {
        Terminal::Absent
    };
    let launch = Launch {
        command: &request.process.cmd,
        arguments: &request.process.args,
        environment,
        standard_streams: streams.theirs,
        prepared: Prepared::new(&server.confinement, &identity, terminal, directory),
    };
    let started_at = clock::now_milliseconds();
    let pid = spawn(launch).map_err(|error| {
        if let (Output::Journaled(_), Some(tag)) = (&output, &tag) {
            Journal::discard(&server.journal_directory, tag);
        }
        refused(&error)
    })?;
    let input = streams.input.open();
    if !extension.input.is_empty() {
        // The queue is new and empty: it takes whatever a request may carry.
        let _ = input.send(extension.input.clone());
    }
    if request.stdin == Some(false) && streams.terminal.is_none() {
        input.close();
    }
    let keep = extension.once || extension.journal;
    let process = Rc::new(Process {
        pid,
        tag,
        started_at,
        retention: if keep { Retention::ForEver } else { Retention::Briefly },
        config: request.process.into(),
        input,
        output,
        terminal: streams.terminal,
        own_exit: watch::Sender::default(),
        killed: watch::Sender::default(),
        end: watch::Sender::default(),
    });
    server.processes.add(&process);
    let deadlines = Deadlines {
        timeout,
        drain_grace: extension.drain_grace_ms.map(Duration::from_millis),
    };
    tasks::spawn(supervise(
        Rc::clone(server),
        Rc::clone(&process),
        streams.ours,
        deadlines,
    ));
    Ok(Started::New(process))
}

fn started_before(
    server: &Server,
    tag: Option<&str>,
    extension: &StartExtension,
) -> Result<Option<Rc<Process>>, ConnectError> {
    let invalid = |message: &str| Err(ConnectError::new(Code::InvalidArgument, message));
    let Some(tag) = tag else {
        return if extension.once || extension.journal {
            invalid("`once` and `journal` need a tag")
        } else {
            Ok(None)
        };
    };
    if tag.contains('\0') {
        return invalid("the tag contains a zero byte");
    }
    if extension.journal && !is_journal_tag(tag) {
        return invalid("the tag of a journaled process is 1 to 128 of A-Z a-z 0-9 . _ - and starts with no dot");
    }
    let before = server.processes.tagged(tag);
    if extension.once {
        return Ok(before);
    }
    match before {
        // Another one would take its name, its journal and its answer to `once`.
        Some(before) if before.retention == Retention::ForEver => Err(ConnectError::new(
            Code::AlreadyExists,
            format!("process with tag {tag} was started before"),
        )),
        Some(_) | None => Ok(None),
    }
}

fn open_output(server: &Server, tag: Option<&str>, extension: &StartExtension) -> Result<Output, ConnectError> {
    match tag {
        Some(tag) if extension.journal => {
            let journal = Journal::create(&server.journal_directory, tag, extension.journal_limit)
                .map_err(|error| ConnectError::new(Code::Internal, format!("cannot make the journal: {error}")))?;
            Ok(Output::Journaled(journal))
        }
        Some(_) | None => Ok(Output::live()),
    }
}

fn working_directory(server: &Server, asked: Option<&str>, identity: &Identity) -> Result<CString, ConnectError> {
    let directory = match asked.filter(|path| !path.is_empty()) {
        Some(asked) => resolve(asked, &identity.home),
        None => server
            .working_directory
            .clone()
            .unwrap_or_else(|| identity.home.clone()),
    };
    let missing = |what: &Path| {
        let message = format!("cwd '{}' does not exist", what.display());
        ConnectError::new(Code::InvalidArgument, message)
    };
    if directory.is_dir() {
        return CString::new(directory.as_os_str().as_bytes()).map_err(|_| missing(&directory));
    }
    // A user whose home was never made still gets a shell, as with `login`.
    if asked.is_none_or(str::is_empty) && server.working_directory.is_none() {
        return Ok(c"/".to_owned());
    }
    Err(missing(&asked.map_or(directory, PathBuf::from)))
}

fn environment(
    server: &Server,
    request: &StartRequest,
    tag: Option<&str>,
    identity: &Identity,
) -> Result<Vec<(String, String)>, ConnectError> {
    let own = |name: &str, value: String| (name.to_owned(), value);
    let mut environment = vec![
        own("PATH", DEFAULT_PATH.to_owned()),
        own("HOME", identity.home.display().to_string()),
        own("USER", identity.name.clone()),
        own("LOGNAME", identity.name.clone()),
    ];
    environment.extend(server.environment.iter().cloned());
    for (name, value) in &request.process.envs {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(ConnectError::new(
                Code::InvalidArgument,
                format!("invalid environment variable {name:?}"),
            ));
        }
        environment.push((name.clone(), value.clone()));
    }
    environment.extend(server.platform_environment.iter().cloned());
    environment.extend(tag.map(|tag| own(TAG_VARIABLE, tag.to_owned())));
    Ok(environment)
}

fn refused(error: &io::Error) -> ConnectError {
    let code = match error.raw_os_error() {
        // No room for another process, descriptor or page: the request was fine.
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => Code::ResourceExhausted,
        _ => Code::InvalidArgument,
    };
    ConnectError::new(code, format!("error starting process: {error}"))
}

/// Both ends of everything the child reads and writes.
struct Streams {
    theirs: [Option<OwnedFd>; 3],
    ours: OutputEnds,
    input: InputEnd,
    terminal: Option<TerminalEnd>,
}

enum InputEnd {
    Closed,
    Pipe(pipe::Sender),
    Terminal(TerminalEnd),
}

impl InputEnd {
    fn open(self) -> Input {
        match self {
            Self::Closed => Input::closed(),
            Self::Pipe(pipe) => Input::to(pipe),
            Self::Terminal(terminal) => Input::to(terminal),
        }
    }
}

impl Streams {
    fn open(request: &StartRequest, extension: &StartExtension, identity: &Identity) -> io::Result<Self> {
        if let Some(pty) = request.pty {
            let (ours, theirs) = open_terminal(pty.size.unwrap_or(DEFAULT_TERMINAL), identity)?;
            let [stdin, stdout] = [theirs.try_clone()?, theirs.try_clone()?];
            return Ok(Self {
                theirs: [Some(stdin), Some(stdout), Some(theirs)],
                ours: OutputEnds::Terminal(ours.clone()),
                input: InputEnd::Terminal(ours.clone()),
                terminal: Some(ours),
            });
        }
        let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let (input, their_stdin) = if request.stdin.unwrap_or(true) || !extension.input.is_empty() {
            let (their_stdin, stdin) = pipe_with(PipeFlags::CLOEXEC)?;
            (InputEnd::Pipe(pipe::Sender::from_owned_fd(stdin)?), Some(their_stdin))
        } else {
            (InputEnd::Closed, None)
        };
        Ok(Self {
            theirs: [their_stdin, Some(their_stdout), Some(their_stderr)],
            ours: OutputEnds::Pipes {
                stdout: pipe::Receiver::from_owned_fd(stdout)?,
                stderr: pipe::Receiver::from_owned_fd(stderr)?,
            },
            input,
            terminal: None,
        })
    }
}
