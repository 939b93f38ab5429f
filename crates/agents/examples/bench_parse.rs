//! Measures every agent's parser: a transcript made of the recorded ones, fed in pieces of 64 KiB as the journal gives them.
//! Prints one JSON line for each agent. Usage: `cargo run --release --example bench_parse [MEGABYTES]`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use codecourier_agents::session::{GatewayAccess, Knowledge, Prompt, SessionStart, StepToken};
use codecourier_agents::{Agent, SessionSpec, adapter};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::Durability;
use codecourier_domain::model_route;

type AnyError = Box<dyn std::error::Error>;

/// The agents whose lines differ. Those of `acp` are read as OpenCode's are.
const AGENTS: [AgentKind; 4] = [AgentKind::Claude, AgentKind::Codex, AgentKind::Opencode, AgentKind::Pi];

fn main() -> Result<(), AnyError> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(50), |text| text.parse())?;
    for kind in AGENTS {
        let agent = adapter(kind).ok_or("no adapter")?;
        measure(kind, agent.as_ref(), megabytes * 1_000_000)?;
    }
    Ok(())
}

fn measure(kind: AgentKind, agent: &dyn Agent, bytes: usize) -> Result<(), AnyError> {
    let recorded = recorded(kind)?;
    let session = session(kind)?;
    let (mut lines, mut durable, mut transient) = (0_u64, 0_u64, 0_u64);
    let mut parser = agent.parser(&session);
    let peak_before = peak_memory_kilobytes()?;
    let start = Instant::now();
    let mut fed = 0;
    while fed < bytes {
        for piece in recorded.chunks(64 * 1024) {
            for line in parser.feed(piece) {
                lines += 1;
                for event in line.events {
                    match event.durability() {
                        Durability::Durable => durable += 1,
                        Durability::Transient => transient += 1,
                    }
                }
            }
        }
        fed += recorded.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = fed as f64 / 1e6 / seconds;
    let result = serde_json::json!({
        "bench": format!("agents.parse.{kind}"),
        "bytes": fed,
        "lines": lines,
        "durable_events": durable,
        "transient_events": transient,
        "seconds": seconds,
        "megabytes_per_second": rate.round(),
        "peak_memory_growth_kb": peak_memory_kilobytes()? - peak_before,
    });
    writeln!(std::io::stdout(), "{result}")?;
    Ok(())
}

fn session(kind: AgentKind) -> Result<SessionSpec, AnyError> {
    let route = model_route::route(kind, &model_route::default_model(kind).parse()?)?;
    Ok(SessionSpec {
        session: "11111111-1111-4111-8111-111111111111".parse()?,
        start: SessionStart::New,
        model: route.name,
        effort: None,
        home: "/home/user".parse()?,
        workspace: "/home/user/project".parse()?,
        system_prompt: None,
        prompt: Prompt::text("Do it."),
        gateway: GatewayAccess {
            provider: route.provider,
            base_url: "http://127.0.0.1:4180".to_owned(),
            token: StepToken::new("none"),
        },
        max_turns: None,
        mcp: BTreeMap::new(),
        knowledge: Knowledge::default(),
        env: BTreeMap::new(),
    })
}

fn recorded(kind: AgentKind) -> Result<Vec<u8>, AnyError> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(kind.as_str());
    let mut paths = Vec::new();
    for version in std::fs::read_dir(directory)? {
        for entry in std::fs::read_dir(version?.path())? {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    let mut bytes = Vec::new();
    for path in paths {
        bytes.extend(std::fs::read(path)?);
        // A process that was killed leaves a line without its end.
        if bytes.last().is_some_and(|byte| *byte != b'\n') {
            bytes.push(b'\n');
        }
    }
    Ok(bytes)
}

fn peak_memory_kilobytes() -> Result<u64, AnyError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse()?)
}
