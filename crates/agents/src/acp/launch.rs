//! Starting an agent by a command of its own.

use codecourier_domain::provider::ModelProvider;

use super::{AcpCommand, protocol};
use crate::common::environment;
use crate::launch::Launch;
use crate::session::SessionSpec;

/// The gateway is named in the variables that the provider's own libraries read. That is all that can be done for an
/// agent that nobody knows.
pub(super) fn launch(command: &AcpCommand, session: &SessionSpec) -> Launch {
    let base = &session.gateway.base_url;
    let token = session.gateway.token.reveal().to_owned();
    let own = match session.gateway.provider {
        ModelProvider::Anthropic => [
            ("ANTHROPIC_BASE_URL", base.clone()),
            ("ANTHROPIC_API_KEY", token),
            ("ANTHROPIC_MODEL", session.model.as_str().to_owned()),
        ],
        ModelProvider::Openai => [
            ("OPENAI_BASE_URL", format!("{base}/v1")),
            ("OPENAI_API_KEY", token),
            ("OPENAI_MODEL", session.model.as_str().to_owned()),
        ],
        ModelProvider::Openrouter => [
            ("OPENROUTER_BASE_URL", format!("{base}/api/v1")),
            ("OPENROUTER_API_KEY", token),
            ("OPENROUTER_MODEL", session.model.as_str().to_owned()),
        ],
    };
    let is_reserved = |name: &str| {
        let providers = ["ANTHROPIC_", "OPENAI_", "OPENROUTER_"];
        providers.iter().any(|provider| name.starts_with(provider))
    };
    Launch {
        files: Vec::new(),
        command: command.words().to_vec(),
        env: environment(session, own, is_reserved),
        directory: session.workspace.clone(),
        initial_input: protocol::opening(),
    }
}
