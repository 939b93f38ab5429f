//! Prints what the Claude Code adapter would write, start and send, as one JSON object: for recording transcripts and
//! for looking at. Usage: `print_launch new|resume SESSION-ID MAX-TURNS|- BASE-URL < prompt`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use codecourier_agents::claude::Claude;
use codecourier_agents::session::{GatewayAccess, Knowledge, Prompt, SessionStart, StepToken};
use codecourier_agents::{Agent as _, SessionHandle, SessionSpec};
use codecourier_domain::agent::Effort;
use codecourier_domain::provider::ModelProvider;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [start, session, turns, base_url] = arguments.as_slice() else {
        return Err("usage: print_launch new|resume SESSION-ID MAX-TURNS|- BASE-URL < prompt".into());
    };
    let mut prompt = String::new();
    std::io::stdin().read_to_string(&mut prompt)?;
    let launch = Claude::default().launch(&SessionSpec {
        session: session.parse()?,
        start: if start == "resume" {
            SessionStart::Resume(SessionHandle::of(&session.parse()?))
        } else {
            SessionStart::New
        },
        model: "claude-opus-5-5".parse()?,
        effort: Some(Effort::High),
        home: "/home/user".parse()?,
        workspace: "/home/user/project".parse()?,
        system_prompt: Some("- You are the designer.".to_owned()),
        prompt: Prompt::text(prompt),
        gateway: GatewayAccess {
            provider: ModelProvider::Anthropic,
            base_url: base_url.clone(),
            token: StepToken::new("cc_step_recorded"),
        },
        max_turns: turns.parse().ok(),
        mcp: BTreeMap::new(),
        knowledge: Knowledge {
            instructions: Some("Keep changes small.".to_owned()),
            ..Knowledge::default()
        },
        env: BTreeMap::new(),
    });
    let files: Vec<_> = launch
        .files
        .iter()
        .map(|file| {
            let contents = String::from_utf8_lossy(&file.contents);
            serde_json::json!({"path": file.path, "mode": file.mode, "contents": contents})
        })
        .collect();
    let printed = serde_json::json!({
        "files": files,
        "command": launch.command,
        "env": launch.env,
        "directory": launch.directory,
        "initial_input": String::from_utf8_lossy(&launch.initial_input),
    });
    writeln!(std::io::stdout(), "{printed}")?;
    Ok(())
}
