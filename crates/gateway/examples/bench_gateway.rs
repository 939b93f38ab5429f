//! Measures the gateway and prints one JSON object per line. `cargo xtask bench` runs it in release mode.
//!
//! The gateway runs in a process of its own (this program again, with `--gateway UPSTREAM`), so that its memory can be
//! read; the scripted model and the clients share this one. Every figure compares with a direct connection to the same
//! scripted model, taken in turns with it in the same run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first failure, and prints"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use codecourier_domain::id::{ProjectId, ReservationId, RunId, StepId};
use codecourier_gateway::{
    Dialect, Estimate, Gateway, GatewayConfig, Lane, Ledger, MemoryStepTokens, Mode, Provider, ProviderKey,
    ReserveRefused, SettleFailed, Settlement, SingleKey, StepGrant, StepToken, Unobserved,
};
use codecourier_testkit::scripted_model::{Options, ScriptedModel};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The size of Claude Code's requests at the start of a session.
const REQUEST_BYTES: usize = 50_000;
const FIRST_BYTE_ROUNDS: usize = 1_000;
const WARM_UP_ROUNDS: usize = 100;
const PACED_STREAMS: usize = 32;
const PACED_TEXT_BYTES: usize = 12_000;
const PACED_ROUNDS: usize = 5;
const SATURATING_TEXT_BYTES: usize = 1_000_000;
const SATURATED_ROUNDS: usize = 9;
const IDLE_STREAMS: usize = 1_000;

struct NoBooks;

#[async_trait]
impl Ledger for NoBooks {
    async fn reserve(&self, _: &StepGrant, estimate: &Estimate) -> Result<ReservationId, ReserveRefused> {
        Ok(ReservationId::from_uuid(estimate.request.uuid()))
    }

    async fn settle(&self, _: &StepGrant, _: ReservationId, _: &Settlement) -> Result<(), SettleFailed> {
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, provider, upstream] = arguments.as_slice()
        && flag == "--gateway"
    {
        serve(provider.parse().unwrap(), upstream).await;
        return;
    }
    let model = ScriptedModel::start_with(Options {
        forgetful: true,
        ..Options::default()
    })
    .await
    .unwrap();
    for language in LANGUAGES {
        let direct = Way::new(language, &model.base_url());
        let gateway = || GatewayProcess::start(language, &model.base_url());
        first_byte(&direct, &gateway().way).await;
        throughput(&direct, &gateway().way).await;
        saturation(&direct, &gateway()).await;
        idle_streams(&GatewayProcess::start(language, &model.scenario_url("hang-stream"))).await;
    }
}

/// A provider in a language that it speaks.
#[derive(Clone, Copy)]
struct Language {
    /// What stands before the names of its figures.
    name: &'static str,
    provider: Provider,
    path: &'static str,
    dialect: Dialect,
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "gateway",
        provider: Provider::Anthropic,
        path: "/v1/messages",
        dialect: Dialect::Messages,
    },
    Language {
        name: "gateway.openai_responses",
        provider: Provider::Openai,
        path: "/v1/responses",
        dialect: Dialect::Responses,
    },
    Language {
        name: "gateway.openai_chat",
        provider: Provider::Openai,
        path: "/v1/chat/completions",
        dialect: Dialect::Chat,
    },
    Language {
        name: "gateway.openrouter_chat",
        provider: Provider::Openrouter,
        path: "/api/v1/chat/completions",
        dialect: Dialect::Chat,
    },
];

impl Language {
    /// A streaming request as big as an agent's first one.
    fn request(self, script: &str) -> Value {
        let system = "x".repeat(REQUEST_BYTES);
        match self.dialect {
            Dialect::Messages => json!({
                "model": "claude-opus-5-5", "max_tokens": 32000, "stream": true,
                "tools": [{"name": "Bash", "input_schema": {}}],
                "system": [{"type": "text", "text": system}],
                "messages": [{"role": "user", "content": script}],
            }),
            Dialect::Responses => json!({
                "model": "gpt-5.5", "stream": true, "tools": [{"type": "function", "name": "bash", "parameters": {}}],
                "instructions": system, "input": [{"role": "user", "content": script}],
            }),
            Dialect::Chat => json!({
                "model": "gpt-5.5", "stream": true,
                "tools": [{"type": "function", "function": {"name": "bash", "parameters": {}}}],
                "messages": [{"role": "system", "content": system}, {"role": "user", "content": script}],
            }),
        }
    }
}

/// The gateway's process: serves one token until it is killed.
async fn serve(provider: Provider, upstream: &str) {
    let mut config = GatewayConfig::new().unwrap();
    config.anthropic_base_url = upstream.to_owned();
    config.services.openai = upstream.to_owned();
    config.services.openrouter = upstream.to_owned();
    config.limits.listener_connections = 2 * IDLE_STREAMS;
    let tokens = Arc::new(MemoryStepTokens::default());
    tokens.grant(
        &token(),
        StepGrant {
            project: ProjectId::from_uuid(Uuid::now_v7()),
            run: RunId::from_uuid(Uuid::now_v7()),
            step: StepId::from_uuid(Uuid::now_v7()),
            provider,
            mode: Mode::Live,
            lane: Lane::new("designer#1"),
        },
    );
    let keys = Arc::new(SingleKey(Some(ProviderKey::api_key("sk-scripted"))));
    let gateway = Gateway::new(config, keys, Arc::new(NoBooks), tokens, Arc::new(Unobserved)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}{}", listener.local_addr().unwrap(), provider.base_path());
    gateway.serve(listener, CancellationToken::new()).await;
}

fn token() -> StepToken {
    StepToken::from_random(&[7; 32])
}

/// A way to the model: direct, or through the gateway.
struct Way {
    language: Language,
    client: reqwest::Client,
    url: String,
}

impl Way {
    fn new(language: Language, base: &str) -> Self {
        Self {
            language,
            client: reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap(),
            url: format!("{base}{}", language.path),
        }
    }

    async fn ask(&self, request: &Value) -> reqwest::Response {
        let request = self
            .client
            .post(&self.url)
            .header("x-api-key", token().expose())
            .json(request);
        request.send().await.unwrap().error_for_status().unwrap()
    }

    /// From the request to the first byte of the answer's body. The rest is read, not timed.
    async fn first_byte(&self, request: &Value) -> Duration {
        let started = Instant::now();
        let mut answer = self.ask(request).await;
        answer.chunk().await.unwrap().unwrap();
        let elapsed = started.elapsed();
        while answer.chunk().await.unwrap().is_some() {}
        elapsed
    }

    /// Reads a whole answer and counts its bytes.
    async fn whole(&self, request: &Value) -> usize {
        let mut answer = self.ask(request).await;
        let mut bytes = 0;
        while let Some(piece) = answer.chunk().await.unwrap() {
            bytes += piece.len();
        }
        bytes
    }
}

/// This program again, as the gateway.
struct GatewayProcess {
    process: Child,
    way: Way,
}

impl GatewayProcess {
    fn start(language: Language, upstream: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the benchmark's own second half, nothing of the product's"
        )]
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let mut process = command
            .args(["--gateway", language.provider.as_str(), upstream])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        Self {
            process,
            way: Way::new(language, url.trim()),
        }
    }

    /// Seconds of processor time so far.
    fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        // The 14th and 15th field of the line, in hundredths of a second, counted from after the name.
        let ticks: f64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<f64>().unwrap())
            .sum();
        ticks / 100.0
    }

    /// Resident memory in bytes.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    }
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

async fn first_byte(direct: &Way, gateway: &Way) {
    let request = direct.language.request("@@say Hello.");
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..WARM_UP_ROUNDS + FIRST_BYTE_ROUNDS {
        for (way, times) in [direct, gateway].into_iter().zip(&mut times) {
            let elapsed = way.first_byte(&request).await;
            if round >= WARM_UP_ROUNDS {
                times.push(milliseconds(elapsed));
            }
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let name = direct.language.name;
    let [direct, gateway] = &times;
    let figures = json!({
        "bench": format!("{name}.overhead"),
        "method": format!("first byte of a {REQUEST_BYTES}-byte request's answer over kept connections, {FIRST_BYTE_ROUNDS} through the gateway in turns with as many direct, difference of the percentiles; books in memory"),
        "p50_ms": percentile(gateway, 50) - percentile(direct, 50),
        "p99_ms": percentile(gateway, 99) - percentile(direct, 99),
        "direct_p50_ms": percentile(direct, 50),
        "direct_p99_ms": percentile(direct, 99),
    });
    println!("{figures}");
}

/// What people notice: many streams at once, each some ten times as fast as a model writes.
async fn throughput(direct: &Way, gateway: &Way) {
    let request = direct
        .language
        .request(&format!("@@slow 1\n@@say {}", "word ".repeat(PACED_TEXT_BYTES / 5)));
    let name = direct.language.name;
    let [direct, gateway] = rates(PACED_STREAMS, PACED_ROUNDS, direct, gateway, &request).await;
    let figures = json!({
        "bench": format!("{name}.throughput"),
        "method": format!("{PACED_STREAMS} streams at once, each an event of 24 characters a millisecond or two, to their ends; median of {PACED_ROUNDS} rounds through the gateway in turns with as many direct"),
        "loss_percent": (1.0 - gateway / direct) * 100.0,
        "mb_per_second": gateway,
        "direct_mb_per_second": direct,
    });
    println!("{figures}");
}

/// What it costs: one stream as fast as the scripted model can write it. The model, the client and the gateway share
/// the machine, so on few cores whatever the gateway computes is lost to the other two.
async fn saturation(direct: &Way, gateway: &GatewayProcess) {
    let request = direct
        .language
        .request(&format!("@@say {}", "word ".repeat(SATURATING_TEXT_BYTES / 5)));
    let processor_before = gateway.processor_seconds();
    let name = direct.language.name;
    let [direct, through] = rates(1, SATURATED_ROUNDS, direct, &gateway.way, &request).await;
    let processor = gateway.processor_seconds() - processor_before;
    let events = (SATURATED_ROUNDS + 1) * SATURATING_TEXT_BYTES / 24;
    let figures = json!({
        "bench": format!("{name}.saturation"),
        "method": format!("a stream with {SATURATING_TEXT_BYTES} bytes of text in events of 24 characters, as fast as the scripted model writes it, on the same machine; median of {SATURATED_ROUNDS} rounds in turns"),
        "mb_per_second": through,
        "direct_mb_per_second": direct,
        "processor_us_per_event": processor * 1e6 / events as f64,
    });
    println!("{figures}");
}

/// Medians of the bytes per second of some streams at once, direct and through the gateway.
async fn rates(streams: usize, rounds: usize, direct: &Way, gateway: &Way, request: &Value) -> [f64; 2] {
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (way, rates) in [direct, gateway].into_iter().zip(&mut rates) {
            let started = Instant::now();
            let bytes: usize = join_all((0..streams).map(|_| way.whole(request)))
                .await
                .into_iter()
                .sum();
            // The first round warms up.
            if round > 0 {
                rates.push(bytes as f64 / started.elapsed().as_secs_f64() / 1e6);
            }
        }
    }
    rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        percentile(&rates, 50)
    })
}

async fn idle_streams(gateway: &GatewayProcess) {
    let request = gateway
        .way
        .language
        .request("@@say The stream stops after its first words.");
    // The first stream pays for what all share.
    let mut first = gateway.way.ask(&request).await;
    first.chunk().await.unwrap();
    let before = gateway.memory();
    let open = |_| async {
        let mut answer = gateway.way.ask(&request).await;
        answer.chunk().await.unwrap();
        answer
    };
    let mut streams = Vec::new();
    for batch in 0..IDLE_STREAMS / 50 {
        streams.extend(join_all((0..50).map(|number| open(batch * 50 + number))).await);
    }
    let grown = gateway.memory() - before;
    let figures = json!({
        "bench": format!("{}.idle_streams", gateway.way.language.name),
        "method": format!("resident memory of the gateway's process with {IDLE_STREAMS} open streams that say nothing, less that with one"),
        "streams": streams.len(),
        "kb_per_stream": grown / 1024.0 / streams.len() as f64,
        "rss_mb": gateway.memory() / 1e6,
    });
    println!("{figures}");
}
