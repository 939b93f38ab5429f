//! Comparing what the store says with what happened: the event log against the journals it was made from.

use std::path::Path;

use codecourier_agents::claude::parser::ClaudeReader;
use codecourier_agents::parse::{LineLimits, LineParser, Parser as _};
use codecourier_domain::event::{Durability, Event, Origin};
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_engine::runs::memo::StepMemo;
use codecourier_store::blobs::{BlobName, Blobs};
use codecourier_store::events::EventWindow;
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
    /// What is wrong with the record. Empty, or a test fails.
    pub faults: Vec<String>,
}

/// A step of it.
pub struct RecordedStep {
    /// Its lane and attempt: `designer#1/1`.
    pub name: String,
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
                steps: Vec::new(),
                faults: Vec::new(),
            };
            let events = all_events(&mut reader, project.id, summary.id, &mut record.faults).await?;
            for step in reader.steps(project.id, summary.id).await? {
                record
                    .steps
                    .push(recorded_step(&blobs, &step, &events, &mut record.faults).await?);
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
    events: &[(Option<StepId>, Event)],
    faults: &mut Vec<String>,
) -> Result<RecordedStep, Fault> {
    let memo: StepMemo = step.body.read()?;
    let name = format!("{}/{}", step.lane, step.attempt);
    let own = events
        .iter()
        .filter(|(of, _)| *of == Some(step.id))
        .map(|(_, event)| event);
    let stored: Vec<&Event> = own.filter(|event| event.origin() == Origin::Agent).collect();
    if let Some(journal) = &memo.journal {
        let blob: BlobName = journal.parse()?;
        let bytes = blobs.get(blob, 1 << 30).await?.ok_or("the journal's blob is gone")?;
        let expected = events_of(&bytes);
        if !stored.iter().copied().eq(expected.iter()) {
            let first = stored
                .iter()
                .zip(&expected)
                .position(|(stored, expected)| *stored != expected);
            faults.push(format!(
                "{name}: the journal holds {} events and the store {}; the first difference is at {first:?}",
                expected.len(),
                stored.len(),
            ));
        }
    }
    let kinds = stored.iter().map(|event| event.kind().to_owned()).collect();
    let verdict = memo
        .verdict
        .map(|verdict| format!("{:?}", verdict.verdict).to_lowercase());
    Ok(RecordedStep { name, kinds, verdict })
}

/// The events that a journal gives, read from its beginning in one go.
fn events_of(journal: &[u8]) -> Vec<Event> {
    let mut parser = LineParser::at(0, LineLimits::default(), ClaudeReader);
    let mut lines = parser.feed(journal);
    lines.extend(parser.finish());
    lines
        .into_iter()
        .flat_map(|line| line.events)
        .filter(|event| event.durability() == Durability::Durable)
        .collect()
}
