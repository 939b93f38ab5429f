//! The phase `setup-script`: the project's own commands, in the fresh copy of the repository, before the agent starts.
//!
//! Invariants: the script is the project's, not an agent's; it runs once by its tag, as the agent's user, with the
//! project's variables and no network but what the sandbox has; a step whose script fails does not begin.

use std::time::Duration;

use codecourier_domain::event::Phase;
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_sandbox::{ExitStatus, FileOwner, PROJECT_DIRECTORY, ProcessSpec, Sandbox, Signal, Stdin};

use super::checks::tail;
use super::{StepContext, StepError, ended};

/// The tag of the script's process in its sandbox.
const TAG: &str = "setup-script";
/// Runs the script, which stands in its own argument, with both streams as one. It ends at the first command that fails.
const SCRIPT: &str = r#"exec 2>&1; exec /bin/bash --noprofile --norc -eo pipefail -c "$1""#;
/// How long it may take.
const TIME_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How much it may write before it is ended.
const OUTPUT_LIMIT: u64 = 64 << 20;

/// Runs the script of the project, if it has one and it did not run before.
pub(super) async fn run(context: &StepContext, sandbox: &dyn Sandbox) -> Result<(), StepError> {
    let Some(script) = &context.spec.setup.setup_script else {
        return Ok(());
    };
    if context.recorder.memo().has_ended(Phase::SetupScript) {
        return Ok(());
    }
    context.begin(Phase::SetupScript).await?;
    let args = ["--noprofile", "--norc", "-c", SCRIPT, TAG, script];
    sandbox
        .start(ProcessSpec {
            tag: TAG.to_owned(),
            command: "/bin/bash".to_owned(),
            args: args.map(str::to_owned).to_vec(),
            env: context.environment.of_process(),
            cwd: Some(PROJECT_DIRECTORY.to_owned()),
            user: FileOwner::User,
            stdin: Stdin::Null,
            journal_limit: Some(OUTPUT_LIMIT),
        })
        .await?;
    let what = match tokio::time::timeout(TIME_LIMIT, sandbox.wait(TAG)).await {
        Err(_) => {
            sandbox.signal(TAG, Signal::Kill).await.ok();
            format!("took longer than {} minutes", TIME_LIMIT.as_secs() / 60)
        }
        Ok(exit) => match exit?.status {
            ExitStatus::Exited(0) => {
                context.end(Phase::SetupScript, None);
                return Ok(());
            }
            ExitStatus::Exited(code) => format!("failed with exit code {code}"),
            ExitStatus::Signalled(signal) => format!("was ended by signal {signal}"),
            ExitStatus::JournalLimit => "wrote more than it may".to_owned(),
            status @ (ExitStatus::OutOfMemory | ExitStatus::JournalError | ExitStatus::SandboxEnded(_)) => {
                return Err(ended::classify(&status, "").into());
            }
        },
    };
    let said = context.environment.redactor.text(tail(sandbox, TAG).await?);
    let said: Vec<&str> = said.lines().rev().take(10).collect();
    let said: Vec<&str> = said.into_iter().rev().collect();
    Err(Failure::new(
        FailureClass::Task,
        format!("The project's setup script {what}. It said last:\n{}", said.join("\n")),
    )
    .into())
}
