//! What the gateway tells while requests go by: classed, put on the step's board, and logged.

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::run::{KeyLimit, resumes_at};
use codecourier_domain::time::Timestamp;
use codecourier_gateway::{Complaint, GatewayEvent, KeyLimited, Meanwhile, Observer, Provider, StepGrant};

use super::ModelAccess;
use crate::error::sentence;
use crate::runs::live::Notice;

impl Observer for ModelAccess {
    fn observe(&self, grant: &StepGrant, event: GatewayEvent) {
        let step = grant.step;
        match event {
            GatewayEvent::RequestFailed(failure) => {
                let name = named(grant.provider, failure.key.as_deref());
                let message = in_words(failure.complaint, &name, &failure.message);
                self.failures.post(step, Failure::new(failure.class(), message));
            }
            GatewayEvent::BudgetRefused { budget, .. } => {
                let message = format!("{budget}. Raise the run's budget to let it go on.");
                self.failures
                    .post(step, Failure::new(FailureClass::Budget, sentence(&message)));
            }
            GatewayEvent::Held { wait, .. } => {
                let seconds = wait.as_secs().max(1);
                let name = grant.provider.display_name();
                tracing::info!(%step, "a request to {name} waits {seconds} s for the limit of its key");
                let reason = format!(
                    "{name} has said to come back later: the limit of the key is used up. The agent goes on in {seconds} s."
                );
                self.live.tell(grant.run, Notice::Waiting { reason });
            }
            GatewayEvent::Diverged { divergence, .. } => {
                if divergence.answered.is_some() {
                    tracing::info!(%step, "a replayed step asks something else than was recorded: {divergence}");
                    return;
                }
                let message = format!("The replay cannot go on: {divergence}.");
                self.failures
                    .post(step, Failure::new(FailureClass::CassetteMismatch, message));
            }
            GatewayEvent::RecordingFailed { path, message } => {
                tracing::error!(%step, "an exchange is missing from the cassette {}: {message}", path.display());
            }
            GatewayEvent::SettlementLost { reservation, .. } => {
                tracing::error!(%step, %reservation, "a settlement could not be written; its reservation stays open");
            }
        }
    }

    fn limited(&self, grant: &StepGrant, limit: KeyLimited) -> Meanwhile {
        let now = self.clock.now();
        let wait = i64::try_from(limit.wait.as_millis()).unwrap_or(i64::MAX);
        let resets_at = now.plus_milliseconds(wait);
        let name = named(grant.provider, limit.key.as_deref());
        tracing::info!(step = %grant.step, "{name} has to wait {} s for its limit", limit.wait.as_secs());
        let mut message = format!(
            "The limit of {name} is used up. The run goes on by itself when it starts anew, at {}.",
            moment(resets_at)
        );
        if !limit.message.trim().is_empty() {
            message = format!(
                "{message} {}",
                sentence(&format!("The provider says: {}", limit.message.trim()))
            );
        }
        let limit = KeyLimit {
            provider: grant.provider.into(),
            last_four: limit.key,
            message,
            resets_at,
            resumes_at: resumes_at(grant.run, now, resets_at),
        };
        self.failures.hold(grant.step, limit);
        Meanwhile::Hold
    }
}

/// To the second, for people.
fn moment(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.milliseconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Whose key, and which.
fn named(provider: Provider, last_four: Option<&str>) -> String {
    let provider = provider.display_name();
    match last_four {
        Some(end) => format!("the {provider} key that ends in `{end}`"),
        None => format!("the {provider} key"),
    }
}

/// What happened and what to do, around the words of the gateway or of the provider.
fn in_words(complaint: Complaint, key: &str, message: &str) -> String {
    if complaint == Complaint::Authentication {
        let what = sentence(&format!("The model's provider refuses {key}: {}", message.trim()));
        return format!("{what} Check the key, then start the run again.");
    }
    let (what, remedy) = match complaint {
        Complaint::Quota => (
            "The account at the model's provider has used up what it may use",
            "Wait for its reset or raise its limit there, then start the run again.",
        ),
        Complaint::RateLimit => (
            "The model's provider asks to slow down",
            "Start fewer runs at once, or try again later.",
        ),
        Complaint::Overload => ("The model's provider has trouble of its own", "Try again later."),
        Complaint::ContextLength => (
            "The conversation no longer fits the model",
            "Make the task smaller, or choose another model.",
        ),
        Complaint::ContentPolicy => ("The model's provider refuses the content", "Change the prompt."),
        Complaint::BadRequest => (
            "The model's provider does not take the request",
            "Check the name of the model.",
        ),
        Complaint::Unreachable | Complaint::CutShort => (
            "The model's provider cannot be reached",
            "Check the network and the provider's address, then start the run again.",
        ),
        // These are the platform's own words, and whole.
        Complaint::Authentication
        | Complaint::KeyMissing
        | Complaint::Budget
        | Complaint::CassetteMismatch
        | Complaint::Internal => {
            return sentence(message);
        }
    };
    format!("{} {remedy}", sentence(&format!("{what}: {}", message.trim())))
}
