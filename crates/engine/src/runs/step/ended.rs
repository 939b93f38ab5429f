//! What the end of a process or of a sandbox means for the step, as a failure of the right class.

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_sandbox::{EndedBecause, ExitStatus};

use crate::error::sentence;

/// The failure of an agent whose process ended before its work was done. `words` is what it last wrote to standard
/// error.
pub(super) fn classify(status: &ExitStatus, words: &str) -> Failure {
    let said = if words.trim().is_empty() {
        " The transcript shows what it did last.".to_owned()
    } else {
        format!(" It last wrote: {words}")
    };
    match status {
        ExitStatus::Exited(code) => Failure::new(
            FailureClass::AgentProtocol,
            sentence(&format!(
                "The agent's program ended with exit code {code} before its turn was over.{said}"
            )),
        ),
        ExitStatus::Signalled(signal) => Failure::new(
            FailureClass::AgentProtocol,
            sentence(&format!(
                "The agent's program was ended by signal {signal} before its turn was over.{said}"
            )),
        ),
        ExitStatus::OutOfMemory => out_of_memory(),
        ExitStatus::JournalLimit => Failure::new(
            FailureClass::AgentProtocol,
            "The agent wrote more output than a step may, and was ended. The transcript holds the beginning.",
        ),
        ExitStatus::JournalError => disk_full(),
        ExitStatus::SandboxEnded(because) => sandbox_ended(*because),
    }
}

/// The failure of a step whose sandbox ended.
pub(super) fn sandbox_ended(because: EndedBecause) -> Failure {
    match because {
        EndedBecause::TimedOut => Failure::new(
            FailureClass::Timeout,
            "The sandbox reached its time limit. Raise the limit, or make the task smaller.",
        ),
        EndedBecause::OutOfMemory => out_of_memory(),
        EndedBecause::DiskFull => disk_full(),
        EndedBecause::Killed => Failure::new(
            FailureClass::Sandbox,
            "The sandbox was killed from outside of this run.",
        ),
        EndedBecause::Crashed => Failure::new(
            FailureClass::Sandbox,
            "The sandbox ended by itself. A step is tried once more in a new one; see in the transcript what came last.",
        ),
    }
}

fn out_of_memory() -> Failure {
    Failure::new(
        FailureClass::OutOfMemory,
        "The sandbox needed more memory than it may have. Raise its memory limit, or make the task smaller.",
    )
}

fn disk_full() -> Failure {
    Failure::new(
        FailureClass::DiskLimit,
        "The sandbox wrote more than it may. Raise its disk limit, or see in the transcript what filled it.",
    )
}
