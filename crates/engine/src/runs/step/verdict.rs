//! A checker's structured result: read, validated, asked for again, and at last looked for in the answer.

use codecourier_domain::event::{Event, ResultSource};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::verdict::{MAX_VERDICT_BYTES, Verdict};
use codecourier_sandbox::{Error as SandboxError, Sandbox};

use super::{StepContext, StepError};
use crate::runs::prompt::VERDICT_PATH;

/// How often an agent is asked again before its answer is searched.
const MAX_ATTEMPTS: u32 = 2;

/// What reading gave.
pub(super) enum Reading {
    /// A verdict, recorded.
    Valid,
    /// Nothing usable; the agent is to be asked again. Recorded, the message not yet sent.
    AskAgain {
        /// Which time, from 1.
        attempt: u32,
        /// What was wrong.
        problem: String,
    },
}

/// Reads the verdict after a turn of the checker. Fails once every way was tried.
pub(super) async fn read(sandbox: &dyn Sandbox, context: &StepContext, final_text: &str) -> Result<Reading, StepError> {
    let problem = match sandbox.read_file(VERDICT_PATH, MAX_VERDICT_BYTES as u64).await {
        Ok(bytes) => match Verdict::parse(&bytes) {
            Ok(verdict) => return record(context, verdict, ResultSource::File).await,
            Err(problem) => problem.to_string(),
        },
        Err(SandboxError::NotFound { .. }) => format!("there is no file {VERDICT_PATH}"),
        Err(SandboxError::FileTooLarge { limit, .. }) => format!("the file is larger than {limit} bytes"),
        Err(SandboxError::Refused { message, .. }) => {
            format!(
                "the file cannot be read: {}",
                message.chars().take(200).collect::<String>()
            )
        }
        Err(error) => return Err(error.into()),
    };
    let asked = context.recorder.memo().asked_again;
    if asked < MAX_ATTEMPTS {
        let attempt = asked + 1;
        let event = Event::AskedAgain {
            attempt,
            problem: problem.clone(),
        };
        let remembered = problem.clone();
        context
            .recorder
            .record(vec![event], move |memo| {
                memo.asked_again = attempt;
                memo.last_problem = Some(remembered);
                memo.turns_before_message = memo.turns_ended;
            })
            .await?;
        return Ok(Reading::AskAgain { attempt, problem });
    }
    match Verdict::find_last(final_text) {
        Some(verdict) => record(context, verdict, ResultSource::FinalText).await,
        None => Err(Failure::new(
            FailureClass::StructuredResult,
            format!(
                "The checker gave no usable verdict, also after it was asked {MAX_ATTEMPTS} times again: {problem}. Read \
                 in the transcript what kept it from it, or choose another model."
            ),
        )
        .into()),
    }
}

async fn record(context: &StepContext, verdict: Verdict, source: ResultSource) -> Result<Reading, StepError> {
    let event = Event::Verdict {
        verdict: verdict.clone(),
        source,
    };
    context
        .recorder
        .record(vec![event], move |memo| memo.verdict = Some(verdict))
        .await?;
    Ok(Reading::Valid)
}
