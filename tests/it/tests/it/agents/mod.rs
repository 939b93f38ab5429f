//! Every agent at work: the real CLI in a real sandbox, driven by the server, against a scripted model behind the gateway.

mod killed;
mod limits;
mod matrix;
mod rounds;

use codecourier_domain::agent::AgentKind;

/// What an agent asks its model by in these tests, so that every language of the gateway is spoken by somebody.
pub(crate) fn model(agent: AgentKind, role: &str) -> &'static str {
    match (agent, role) {
        (AgentKind::Codex, _) | (AgentKind::Pi, "designer") => "gpt-5.5",
        (AgentKind::Opencode | AgentKind::Pi, "checker") => "openrouter/scripted/one",
        (AgentKind::Claude | AgentKind::Opencode | AgentKind::Pi | AgentKind::Acp, _) => "claude-opus-5-5",
    }
}
