//! Measures the Claude Code parser: a transcript made of recorded ones, fed in pieces of 64 KiB as the journal gives
//! them. Prints one JSON line. Usage: `cargo run --release --example bench_parse [MEGABYTES]`.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use codecourier_agents::agent::adapter;
use codecourier_agents::claude::parser::ClaudeReader;
use codecourier_agents::parse::{LineLimits, LineParser, Parser as _};
use codecourier_domain::event::Durability;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(50), |text| text.parse())?;
    let recorded = recorded()?;
    let (mut lines, mut durable, mut transient) = (0_u64, 0_u64, 0_u64);
    let mut parser = LineParser::at(0, LineLimits::default(), ClaudeReader);
    let peak_before = peak_memory_kilobytes()?;
    let start = Instant::now();
    let mut fed = 0;
    while fed < megabytes * 1_000_000 {
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
        "bench": "agents.parse.claude",
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

fn recorded() -> Result<Vec<u8>, AnyError> {
    let version = adapter(codecourier_domain::agent::AgentKind::Claude)
        .ok_or("no adapter")?
        .tested_version();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/claude")
        .join(version);
    let mut paths: Vec<_> = std::fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, AnyError>>()?;
    paths.sort();
    let mut bytes = Vec::new();
    for path in paths {
        bytes.extend(std::fs::read(path)?);
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
