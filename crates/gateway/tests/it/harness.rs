//! A gateway on a port of its own, with books and an observer that tests can read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::id::{ProjectId, ReservationId, RunId, StepId};
use codecourier_domain::money::MicroUsd;
use codecourier_gateway::{
    BudgetExceeded, Estimate, Gateway, GatewayConfig, GatewayEvent, KeySource, Lane, Ledger, MemoryStepTokens, Mode,
    Observer, Provider, ProviderKey, ReplayPacing, RequestFailure, ReserveRefused, SettleFailed, Settlement, SingleKey,
    StepGrant, StepToken,
};
use codecourier_testkit::scripted_model::{Options, ScriptedModel};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The real key of every test. Nothing but the scripted model may ever see it.
pub(crate) const REAL_KEY: &str = "sk-ant-real-canary-0123456789";

/// How long a wait may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The model that tests ask, and a price that is easy to check: $4 and $20 per million tokens.
pub(crate) const MODEL: &str = "claude-opus-5-5";

/// A gateway, the provider behind it and what both know.
pub(crate) struct House {
    pub(crate) model: ScriptedModel,
    pub(crate) gateway: Gateway,
    pub(crate) books: Arc<Books>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) tokens: Arc<MemoryStepTokens>,
    pub(crate) token: StepToken,
    pub(crate) step: StepId,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) cancel: CancellationToken,
    pub(crate) serving: JoinSet<()>,
}

/// What a test wants to be different.
pub(crate) struct Wishes {
    /// The first component of the provider's URL.
    pub(crate) scenario: &'static str,
    /// The provider.
    pub(crate) provider: Provider,
    /// Where answers come from.
    pub(crate) mode: Mode,
    /// The provider's base URL, when it is not the scripted model.
    pub(crate) base_url: Option<String>,
    /// The keys, when it is not the real one.
    pub(crate) keys: Option<Arc<dyn KeySource>>,
    /// The most that the books let anyone spend.
    pub(crate) cap: MicroUsd,
    /// Changes to the settings.
    pub(crate) configure: fn(&mut GatewayConfig),
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            scenario: "",
            provider: Provider::Anthropic,
            mode: Mode::Live,
            base_url: None,
            keys: None,
            cap: MicroUsd(i64::MAX),
            configure: |_| {},
        }
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Wishes::default()).await
    }

    pub(crate) async fn with(wishes: Wishes) -> Self {
        let model = ScriptedModel::start_with(Options {
            api_key: Some(REAL_KEY.to_owned()),
            ..Options::default()
        })
        .await
        .unwrap();
        let mut config = GatewayConfig::new().unwrap();
        let base_url = wishes.base_url.unwrap_or_else(|| model.scenario_url(wishes.scenario));
        match wishes.provider {
            Provider::Anthropic => config.anthropic_base_url = base_url,
            Provider::Openai => config.services.openai = base_url,
            Provider::Openrouter => config.services.openrouter = base_url,
        }
        config.replay_pacing = ReplayPacing::None;
        (wishes.configure)(&mut config);
        let books = Arc::new(Books::new(wishes.cap));
        let seen = Arc::new(Seen::default());
        let tokens = Arc::new(MemoryStepTokens::default());
        let step = StepId::from_uuid(Uuid::now_v7());
        let token = StepToken::from_random(&[7; 32]);
        let granted = StepGrant {
            provider: wishes.provider,
            ..grant(step, wishes.mode)
        };
        tokens.grant(&token, granted);
        let keys = wishes
            .keys
            .unwrap_or_else(|| Arc::new(SingleKey(Some(ProviderKey::api_key(REAL_KEY)))));
        let gateway = Gateway::new(
            config,
            keys,
            Arc::clone(&books) as Arc<dyn Ledger>,
            Arc::clone(&tokens) as _,
            Arc::clone(&seen) as Arc<dyn Observer>,
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}{}",
            listener.local_addr().unwrap(),
            wishes.provider.base_path()
        );
        let cancel = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn({
            let (gateway, cancel) = (gateway.clone(), cancel.clone());
            async move { gateway.serve_step(step, listener, cancel).await }
        });
        Self {
            model,
            gateway,
            books,
            seen,
            tokens,
            token,
            step,
            url,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            cancel,
            serving,
        }
    }

    /// Asks the model with the step's token.
    pub(crate) async fn ask(&self, request: &Value) -> reqwest::Response {
        self.post("/v1/messages?beta=true", self.token.expose(), request).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, request: &Value) -> reqwest::Response {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("x-api-key", token)
            .json(request);
        tokio::time::timeout(PATIENCE, request.send()).await.unwrap().unwrap()
    }

    /// The one settlement of a test with one request.
    pub(crate) async fn settlement(&self) -> Settlement {
        self.books.wait_for_settlements(1).await;
        let settled = self.books.settled();
        assert_eq!(settled.len(), 1, "more than one settlement: {settled:?}");
        settled.into_iter().next().unwrap()
    }

    /// Cancels the listener and waits for the end.
    pub(crate) async fn close(mut self) -> Arc<Books> {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.serving.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        self.books
    }
}

pub(crate) fn grant(step: StepId, mode: Mode) -> StepGrant {
    StepGrant {
        project: ProjectId::from_uuid(Uuid::from_u128(1)),
        run: RunId::from_uuid(Uuid::from_u128(2)),
        step,
        provider: Provider::Anthropic,
        mode,
        lane: Lane::new("designer#1"),
    }
}

/// A streaming request with this prompt.
pub(crate) fn prompt(text: &str) -> Value {
    json!({
        "model": MODEL, "max_tokens": 1000, "stream": true,
        "tools": [{"name": "Bash", "input_schema": {}}],
        "messages": [{"role": "user", "content": text}],
    })
}

/// Books in memory that check the contract while they are kept.
#[derive(Debug)]
pub(crate) struct Books {
    cap: MicroUsd,
    state: Mutex<BooksState>,
    settlements: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct BooksState {
    estimates: Vec<Estimate>,
    open: HashMap<ReservationId, Estimate>,
    settled: Vec<Settlement>,
    /// How many settlements fail before one works.
    failures_left: u32,
}

impl Books {
    pub(crate) fn new(cap: MicroUsd) -> Self {
        Self {
            cap,
            state: Mutex::default(),
            settlements: watch::channel(0).0,
        }
    }

    pub(crate) fn settled(&self) -> Vec<Settlement> {
        self.state.lock().settled.clone()
    }

    pub(crate) fn estimates(&self) -> Vec<Estimate> {
        self.state.lock().estimates.clone()
    }

    pub(crate) fn open(&self) -> usize {
        self.state.lock().open.len()
    }

    pub(crate) fn fail_settlements(&self, times: u32) {
        self.state.lock().failures_left = times;
    }

    pub(crate) async fn wait_for_settlements(&self, count: usize) {
        let mut settlements = self.settlements.subscribe();
        let waiting = settlements.wait_for(|so_far| *so_far >= count);
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the settlement did not come")
            .unwrap();
    }
}

#[async_trait]
impl Ledger for Books {
    async fn reserve(&self, _grant: &StepGrant, estimate: &Estimate) -> Result<ReservationId, ReserveRefused> {
        let mut state = self.state.lock();
        let spent: MicroUsd = state.settled.iter().map(|settlement| settlement.cost.amount).sum();
        let reserved: MicroUsd = state.open.values().map(|open| open.ceiling.amount).sum();
        if spent + reserved + estimate.ceiling.amount > self.cap {
            return Err(ReserveRefused::Budget(BudgetExceeded {
                scope: "project test, in total".to_owned(),
                cap: self.cap,
                spent: spent + reserved,
                wanted: estimate.ceiling.amount,
                resets_at: None,
            }));
        }
        let reservation = ReservationId::from_uuid(estimate.request.uuid());
        state.estimates.push(estimate.clone());
        state.open.insert(reservation, estimate.clone());
        Ok(reservation)
    }

    async fn settle(
        &self,
        _grant: &StepGrant,
        reservation: ReservationId,
        settlement: &Settlement,
    ) -> Result<(), SettleFailed> {
        let mut state = self.state.lock();
        if state.failures_left > 0 {
            state.failures_left -= 1;
            return Err(SettleFailed("the disk is full".into()));
        }
        let estimate = state
            .open
            .remove(&reservation)
            .expect("settled twice, or never reserved");
        assert_eq!(estimate.request, settlement.request);
        assert!(
            settlement.tokens.output <= estimate.output_tokens || estimate.output_tokens == 0,
            "the estimate is no ceiling"
        );
        state.settled.push(settlement.clone());
        self.settlements.send_replace(state.settled.len());
        Ok(())
    }
}

/// Everything the gateway told.
#[derive(Debug)]
pub(crate) struct Seen {
    events: Mutex<Vec<GatewayEvent>>,
    count: watch::Sender<usize>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            events: Mutex::default(),
            count: watch::channel(0).0,
        }
    }
}

impl Seen {
    pub(crate) fn events(&self) -> Vec<GatewayEvent> {
        self.events.lock().clone()
    }

    /// The one failure that was told.
    pub(crate) async fn failure(&self) -> RequestFailure {
        let mut count = self.count.subscribe();
        tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= 1))
            .await
            .expect("no event came")
            .unwrap();
        let events = self.events();
        match events.as_slice() {
            [GatewayEvent::RequestFailed(failure)] => failure.clone(),
            other => panic!("not one failure: {other:?}"),
        }
    }
}

impl Observer for Seen {
    fn observe(&self, _grant: &StepGrant, event: GatewayEvent) {
        let mut events = self.events.lock();
        events.push(event);
        self.count.send_replace(events.len());
    }
}
