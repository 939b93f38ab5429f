//! `envd shim`: the host-side parent of one sandbox. Started by the server, detached from it, and outliving it.
//!
//! It reads a [`launch::LaunchSpec`] from standard input, makes the namespaces and mounts, becomes the parent of pid 1,
//! says so in one line on standard output, and from then on only answers at its control socket and keeps the time.
//!
//! Invariants: one thread, no allocation that grows; if the shim dies, pid 1 dies (parent death signal, and the end of
//! file on its control descriptor), and with it everything inside; if the server dies, nothing happens. All mounts are
//! in mount namespaces of the shim and of the sandbox, so that they can't outlive them.

mod calls;
mod countdown;
mod filter;
mod group;
mod idmap;
mod inside;
#[expect(dead_code, reason = "the other side reads some of it")]
mod launch;
mod message;
mod remove;
mod stage;
mod start;
mod supervise;
mod sys;
mod watch;

use std::io::{Read, Write};
use std::process::ExitCode;

use launch::{LaunchSpec, Launched};
use rustix::fs::{Mode, OFlags};

/// What failed, for the server to show.
#[derive(Debug)]
pub(crate) struct Failure {
    step: String,
    message: String,
}

type Fallible<T> = Result<T, Failure>;

/// Says which step an error belongs to.
trait InStep<T> {
    fn in_step(self, step: &str) -> Fallible<T>;
}

impl<T, E: std::fmt::Display> InStep<T> for Result<T, E> {
    fn in_step(self, step: &str) -> Fallible<T> {
        self.map_err(|error| Failure {
            step: step.to_owned(),
            message: error.to_string(),
        })
    }
}

/// More than any real spec: a bound, not a limit.
const LARGEST_SPEC: u64 = 4 << 20;

/// Runs `envd shim` until its sandbox is over, or `envd shim remove` until a tree is gone.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    if arguments.first().is_some_and(|mode| mode == "remove") {
        return match read_spec().and_then(|removal| remove::remove(&removal)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure { step, message }) => {
                say(&Launched::Failed { step, message });
                ExitCode::FAILURE
            }
        };
    }
    let started = read_spec::<LaunchSpec>().and_then(|spec| start::start(&spec).map(|sandbox| (spec, sandbox)));
    let (spec, sandbox) = match started {
        Ok(started) => started,
        Err(Failure { step, message }) => {
            say(&Launched::Failed { step, message });
            return ExitCode::FAILURE;
        }
    };
    say(&Launched::Ready {
        init_pid: sandbox.init_pid(),
    });
    // The server reads until the end of file.
    if let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        let _ = rustix::stdio::dup2_stdout(null);
    }
    supervise::until_the_end(&spec, sandbox);
    ExitCode::SUCCESS
}

fn read_spec<Spec: serde::de::DeserializeOwned>() -> Fallible<Spec> {
    sys::close_from(3).in_step("close inherited descriptors")?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // A new session: signals to the server's process group or terminal do not reach the sandbox.
    let _ = rustix::process::setsid();
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(LARGEST_SPEC)
        .read_to_end(&mut text)
        .in_step("read the launch spec")?;
    let spec = serde_json::from_slice(&text).in_step("read the launch spec")?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    if let Ok(null) = null {
        rustix::stdio::dup2_stdin(null).in_step("close standard input")?;
    }
    Ok(spec)
}

/// A server that died meanwhile does not hear it, which is fine: the next one adopts.
fn say(launched: &Launched) {
    if let Ok(mut line) = serde_json::to_vec(launched) {
        line.push(b'\n');
        drop(std::io::stdout().lock().write_all(&line));
    }
}
