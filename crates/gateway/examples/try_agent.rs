//! A gateway for trying an agent by hand, with the scripted model as the provider or a cassette instead of one:
//!
//! ```text
//! cargo run -p codecourier-gateway --example try_agent -- [--scenario flaky2-529.x] [--record FILE | --replay FILE] [--no-key] [--broke]
//! ```
//!
//! Prints the environment that the agent needs, then what is settled and told.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use codecourier_domain::id::{ProjectId, ReservationId, RunId, StepId};
use codecourier_domain::money::MicroUsd;
use codecourier_gateway::{
    BudgetExceeded, Cassette, Estimate, Gateway, GatewayConfig, GatewayEvent, Lane, Ledger, MemoryStepTokens, Mode,
    Observer, Provider, ProviderKey, ReserveRefused, SettleFailed, Settlement, SingleKey, StepGrant, StepToken,
};
use codecourier_testkit::scripted_model::ScriptedModel;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct Printer {
    is_broke: bool,
}

#[async_trait]
impl Ledger for Printer {
    async fn reserve(&self, _grant: &StepGrant, estimate: &Estimate) -> Result<ReservationId, ReserveRefused> {
        println!("reserve {} at most {}", estimate.model, estimate.ceiling.amount);
        if self.is_broke {
            return Err(ReserveRefused::Budget(BudgetExceeded {
                scope: "project demo, this month".to_owned(),
                cap: MicroUsd(5_000_000),
                spent: MicroUsd(4_990_000),
                wanted: estimate.ceiling.amount,
                resets_at: None,
            }));
        }
        Ok(ReservationId::from_uuid(estimate.request.uuid()))
    }

    async fn settle(&self, _: &StepGrant, _: ReservationId, settlement: &Settlement) -> Result<(), SettleFailed> {
        println!("settle  {settlement:?}");
        Ok(())
    }
}

impl Observer for Printer {
    fn observe(&self, _grant: &StepGrant, event: GatewayEvent) {
        println!("told    {event:?}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value_of = |name: &str| {
        let position = arguments.iter().position(|argument| argument == name)?;
        arguments.get(position + 1).cloned()
    };
    let mode = match (value_of("--record"), value_of("--replay")) {
        (Some(path), _) => Mode::Record(path.into()),
        (None, Some(path)) => Mode::Replay(Arc::new(Cassette::read(path.as_ref())?)),
        (None, None) => Mode::Live,
    };
    let model = ScriptedModel::start().await?;
    let mut config = GatewayConfig::new()?;
    config.anthropic_base_url = model.scenario_url(&value_of("--scenario").unwrap_or_default());
    let tokens = Arc::new(MemoryStepTokens::default());
    let token = StepToken::from_random(&[7; 32]);
    let grant = StepGrant {
        project: ProjectId::from_uuid(Uuid::now_v7()),
        run: RunId::from_uuid(Uuid::now_v7()),
        step: StepId::from_uuid(Uuid::now_v7()),
        provider: Provider::Anthropic,
        mode,
        lane: Lane::new("designer#1"),
    };
    tokens.grant(&token, grant);
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let keys = Arc::new(SingleKey(
        (!has("--no-key")).then(|| ProviderKey::api_key("sk-scripted")),
    ));
    let printer = Arc::new(Printer {
        is_broke: has("--broke"),
    });
    let gateway = Gateway::new(config, keys, printer.clone(), tokens, printer)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}{}", listener.local_addr()?, Provider::Anthropic.base_path());
    println!("ANTHROPIC_BASE_URL={base} ANTHROPIC_API_KEY={}", token.expose());
    gateway.serve(listener, CancellationToken::new()).await;
    Ok(())
}
