//! Prints what an adapter would write, start and send, as one JSON object, and then reads the agent's lines from standard
//! input: for recording transcripts and for looking at. For each line that comes in, one goes out: what it means, and
//! what is to be sent. A line `{"codecourier":"message","id":…,"text":…}` or `{"codecourier":"interrupt","id":…}` asks for
//! the bytes of a further message or an interruption. Usage: `drive AGENT MODEL SESSION-ID [RESUMED-SESSION] < …`; the
//! first line of input is the prompt as a JSON string.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};

use codecourier_agents::session::Executable;
use codecourier_agents::session::{
    GatewayAccess, Knowledge, McpServer, Prompt, SessionStart, Skill, SkillFile, StepToken,
};
use codecourier_agents::{SessionHandle, SessionSpec, adapter};
use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::model_route;
use serde_json::{Value, json};

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (agent, model, session, resumed) = match arguments.as_slice() {
        [agent, model, session] => (agent, model, session, None),
        [agent, model, session, resumed] => (agent, model, session, Some(resumed)),
        _ => return Err("usage: drive AGENT MODEL SESSION-ID [RESUMED-SESSION]".into()),
    };
    let mut lines = std::io::stdin().lock().lines();
    let prompt: Prompt = Prompt::text(serde_json::from_str::<String>(&lines.next().ok_or("no prompt")??)?);
    let kind: AgentKind = agent.parse()?;
    let spec = spec(kind, &model.parse()?, session, resumed, prompt)?;
    let agent = adapter(kind).ok_or("no adapter")?;
    let launch = agent.launch(&spec);
    let files: Vec<Value> = launch
        .files
        .iter()
        .map(|file| {
            let contents = String::from_utf8_lossy(&file.contents);
            json!({"path": file.path, "mode": file.mode, "contents": contents})
        })
        .collect();
    print(&json!({
        "files": files,
        "command": launch.command,
        "env": launch.env,
        "directory": launch.directory,
        "initial_input": String::from_utf8_lossy(&launch.initial_input),
    }))?;
    let mut parser = agent.parser(&spec);
    let mut handle = SessionHandle::of(&spec.session);
    for line in lines {
        let line = line?;
        if let Ok(asked) = serde_json::from_str::<Value>(&line)
            && let Some(what) = asked.get("codecourier").and_then(Value::as_str)
        {
            let id = asked["id"].as_str().unwrap_or_default();
            let bytes = match what {
                "message" => agent.user_message(&handle, &Prompt::text(asked["text"].as_str().unwrap_or_default()), id),
                _ => agent.interrupt(&handle, id).unwrap_or_default(),
            };
            print(&json!({"events": [], "replies": [String::from_utf8_lossy(&bytes)]}))?;
            continue;
        }
        for parsed in parser.feed(format!("{line}\n").as_bytes()) {
            handle = parsed.handle.unwrap_or(handle);
            let replies = parsed.replies.iter().map(|reply| String::from_utf8_lossy(&reply.bytes));
            print(&json!({"events": parsed.events, "replies": replies.collect::<Vec<_>>(), "handle": handle}))?;
        }
    }
    Ok(())
}

fn print(value: &Value) -> Result<(), AnyError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

fn spec(
    kind: AgentKind,
    model: &ModelName,
    session: &str,
    resumed: Option<&String>,
    prompt: Prompt,
) -> Result<SessionSpec, AnyError> {
    let route = model_route::route(kind, model)?;
    let start = resumed.map_or(SessionStart::New, |session| {
        SessionStart::Resume(SessionHandle {
            session: session.clone(),
            turn: None,
        })
    });
    let skill = "---\nname: review\ndescription: How to review.\n---\nLook twice.\n";
    let file = SkillFile {
        contents: skill.as_bytes().to_vec(),
        executable: Executable::No,
    };
    let skill = Skill {
        files: BTreeMap::from([("SKILL.md".parse()?, file)]),
    };
    let server = McpServer::Stdio {
        command: "/usr/bin/python3".to_owned(),
        args: vec!["/home/user/mcp.py".to_owned()],
        env: BTreeMap::new(),
    };
    Ok(SessionSpec {
        session: session.parse()?,
        start,
        model: route.name,
        effort: Some(Effort::High),
        home: "/home/user".parse()?,
        workspace: "/home/user/project".parse()?,
        system_prompt: Some("- You are the designer.".to_owned()),
        prompt,
        gateway: GatewayAccess {
            provider: route.provider,
            base_url: format!("http://127.0.0.1:4180/gateway/{}", route.provider),
            token: StepToken::new("cc_step_recorded"),
        },
        max_turns: None,
        mcp: BTreeMap::from([("platform".parse()?, server)]),
        knowledge: Knowledge {
            instructions: Some("Keep changes small.".to_owned()),
            skills: BTreeMap::from([("review".parse()?, skill)]),
            commands: BTreeMap::from([("ship".parse()?, "Ship $ARGUMENTS".to_owned())]),
        },
        env: BTreeMap::new(),
    })
}
