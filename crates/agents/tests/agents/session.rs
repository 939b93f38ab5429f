//! The session that tests launch and read.

use std::collections::BTreeMap;

use codecourier_agents::SessionSpec;
use codecourier_agents::session::{GatewayAccess, Knowledge, Prompt, SessionStart, StepToken};
use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::model_route;

/// A session of an agent with its default model.
pub(crate) fn session_of(agent: AgentKind) -> SessionSpec {
    let model = model_route::default_model(agent).parse().unwrap();
    let route = model_route::route(agent, &model).unwrap();
    SessionSpec {
        session: "11111111-1111-4111-8111-111111111111".parse().unwrap(),
        start: SessionStart::New,
        model: route.name,
        effort: Some(Effort::High),
        home: "/home/user".parse().unwrap(),
        workspace: "/home/user/project".parse().unwrap(),
        system_prompt: Some("--You are the designer.".to_owned()),
        prompt: Prompt::text("Fix the bug.\nThen \"test\" it."),
        gateway: GatewayAccess {
            provider: route.provider,
            base_url: format!("http://127.0.0.1:4180/gateway/{}", route.provider),
            token: StepToken::new("cc_step_secret"),
        },
        max_turns: Some(80),
        mcp: BTreeMap::new(),
        knowledge: Knowledge::default(),
        env: BTreeMap::new(),
    }
}
