//! Comparing what the store says with what happened: the event log against the journals it was made from.

use std::collections::BTreeMap;
use std::path::Path;

use codecourier_agents::session::{GatewayAccess, Knowledge, Prompt, SessionStart, StepToken};
use codecourier_agents::{AcpCommand, SessionSpec, adapter_with};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Durability, Event, Origin};
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::model_route;
use codecourier_domain::provider::ModelProvider;
use codecourier_engine::runs::memo::StepMemo;
use codecourier_engine::runs::spec::RunSpec;
use codecourier_store::blobs::{BlobName, Blobs};
use codecourier_store::events::EventWindow;
use codecourier_store::runs::RunTotals;
use codecourier_store::steps::Step;
use codecourier_store::{Reader, Store, StoreConfig};

/// What anything in here can fail with.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A run as the store has it, once nobody writes any more.
pub struct RecordedRun {
    /// Its identifier.
    pub run: RunId,
    /// Its status, as a word.
    pub status: String,
    /// Its steps, oldest first, with how many events of its agent each one has.
    pub steps: Vec<RecordedStep>,
    /// What it used, by the books.
    pub totals: RunTotals,
    /// What is wrong with the record. Empty, or a test fails.
    pub faults: Vec<String>,
}

/// A step of it.
pub struct RecordedStep {
    /// Its lane and attempt: `designer#1/1`.
    pub name: String,
    /// Its agent.
    pub agent: AgentKind,
    /// Its events in order, its agent's and the platform's.
    pub events: Vec<Event>,
    /// The kinds of its agent's events, in order.
    pub kinds: Vec<String>,
    /// The verdict it gave, as a word.
    pub verdict: Option<String>,
}

/// Reads every run of a data directory and checks its record: event numbers without a gap, and of each step exactly the
/// events that its journal holds, in the journal's order.
pub async fn recorded_runs(data: &Path) -> Result<Vec<RecordedRun>, Fault> {
    let store = Store::open(StoreConfig::Sqlite {
        path: data.join("codecourier.db"),
    })
    .await?;
    let blobs = Blobs::open(data.join("blobs")).await?;
    let mut reader = store.read().await?;
    let mut recorded = Vec::new();
    for project in reader.projects().await? {
        let list = codecourier_store::runs::RunList {
            status: None,
            after: None,
            limit: 100,
        };
        for summary in reader.runs(project.id, list).await?.items {
            let mut record = RecordedRun {
                run: summary.id,
                status: summary.status.to_string(),
                totals: summary.totals,
                steps: Vec::new(),
                faults: Vec::new(),
            };
            let events = all_events(&mut reader, project.id, summary.id, &mut record.faults).await?;
            let spec: RunSpec = reader
                .run_body(project.id, summary.id)
                .await?
                .ok_or("nothing is pinned for a run")?
                .read()?;
            for step in reader.steps(project.id, summary.id).await? {
                let step = recorded_step(&blobs, &step, &spec, &events, &mut record.faults).await?;
                record.steps.push(step);
            }
            recorded.push(record);
        }
    }
    drop(reader);
    store.close().await;
    Ok(recorded)
}

async fn all_events(
    reader: &mut Reader<'static>,
    project: ProjectId,
    run: RunId,
    faults: &mut Vec<String>,
) -> Result<Vec<(Option<StepId>, Event)>, Fault> {
    let mut events = Vec::new();
    let mut last = 0;
    loop {
        let page = reader.events(project, run, EventWindow::After(last), 500).await?;
        if page.is_empty() {
            return Ok(events);
        }
        for stored in page {
            if stored.seq != last + 1 {
                faults.push(format!("event {} follows event {last}", stored.seq));
            }
            last = stored.seq;
            events.push((stored.step, stored.body.read()?));
        }
    }
}

async fn recorded_step(
    blobs: &Blobs,
    step: &Step,
    spec: &RunSpec,
    events: &[(Option<StepId>, Event)],
    faults: &mut Vec<String>,
) -> Result<RecordedStep, Fault> {
    let memo: StepMemo = step.body.read()?;
    let name = format!("{}/{}", step.lane, step.attempt);
    let agent = memo.plan.spec.agent.unwrap_or(spec.agent);
    let model = memo.plan.spec.model.as_ref().unwrap_or(&spec.model);
    let route = model_route::route(agent, model)?;
    let session = SessionSpec {
        model: route.name,
        effort: memo.plan.spec.effort.or(spec.effort),
        gateway: access(route.provider),
        ..any_session()?
    };
    let own = events.iter().filter(|(of, _)| *of == Some(step.id));
    let own: Vec<Event> = own.map(|(_, event)| event.clone()).collect();
    let stored: Vec<&Event> = own.iter().filter(|event| event.origin() == Origin::Agent).collect();
    if let Some(journal) = &memo.journal {
        let blob: BlobName = journal.parse()?;
        let bytes = blobs.get(blob, 1 << 30).await?.ok_or("the journal's blob is gone")?;
        let expected = events_of(agent, &session, &memo, &bytes)?;
        if !stored.iter().copied().eq(expected.iter()) {
            let same = stored
                .iter()
                .zip(&expected)
                .take_while(|(stored, expected)| **stored == *expected)
                .count();
            faults.push(format!(
                "{name}: the journal holds {} events and the store {}; from {same} on the store has {:?} and not {:?}",
                expected.len(),
                stored.len(),
                stored.get(same),
                expected.get(same),
            ));
        }
    }
    let kinds = stored.iter().map(|event| event.kind().to_owned()).collect();
    let verdict = memo
        .verdict
        .map(|verdict| format!("{:?}", verdict.verdict).to_lowercase());
    Ok(RecordedStep {
        name,
        agent,
        kinds,
        verdict,
        events: own,
    })
}

/// The events that a journal gives, each process's output read from its beginning in one go.
fn events_of(agent: AgentKind, session: &SessionSpec, memo: &StepMemo, journal: &[u8]) -> Result<Vec<Event>, Fault> {
    // What an agent's lines mean does not depend on the command that started it.
    let command = AcpCommand::try_from(vec!["any".to_owned()])?;
    let later = match &memo.talk.model {
        Some(model) => model_route::route(agent, model)?.name,
        None => session.model.clone(),
    };
    let adapter = adapter_with(agent, Some(&command)).ok_or("an agent without an adapter")?;
    let mut events = Vec::new();
    let mut began = 0;
    for end in &memo.journal_ends {
        let end = usize::try_from(*end)?;
        // A process after the first goes on with the session, and with the model that a person chose.
        let session = match &memo.handle {
            Some(handle) if began > 0 => SessionSpec {
                start: SessionStart::Resume(handle.clone()),
                model: later.clone(),
                ..session.clone()
            },
            _ => session.clone(),
        };
        let mut parser = adapter.parser(&session);
        let output = journal
            .get(began..end)
            .ok_or("a journal that is shorter than its processes' output")?;
        let mut lines = parser.feed(output);
        lines.extend(parser.finish());
        events.extend(lines.into_iter().flat_map(|line| line.events));
        began = end;
    }
    events.retain(|event| event.durability() == Durability::Durable);
    Ok(events)
}

/// A session of nothing in particular.
pub(crate) fn any_session() -> Result<SessionSpec, Fault> {
    Ok(SessionSpec {
        session: "00000000-0000-0000-0000-000000000000".parse()?,
        start: SessionStart::New,
        model: "any".parse()?,
        effort: None,
        home: "/home/user".parse()?,
        workspace: "/home/user/project".parse()?,
        system_prompt: None,
        prompt: Prompt::default(),
        gateway: access(ModelProvider::Anthropic),
        max_turns: None,
        mcp: BTreeMap::new(),
        knowledge: Knowledge::default(),
        env: BTreeMap::new(),
    })
}

fn access(provider: ModelProvider) -> GatewayAccess {
    GatewayAccess {
        provider,
        base_url: String::new(),
        token: StepToken::new("none"),
    }
}
