//! What clients are told, as text.
//!
//! What happened is written once: [`of`] gives the part that is the same for everybody, and [`Addressed`] puts the
//! subscription's name before it.

use std::sync::Arc;

use codecourier_engine::live::{ChangeOp, Content, Frame, Snapshot, SnapshotContent};
use codecourier_wire::live::{LiveChange, LiveDelta, LiveEvent, LiveOp, LiveRun, LiveSnapshot, LiveTransient};
use serde::Serialize;
use serde_json::Value;

/// The text of a frame, without the subscription it is for: a [`LiveDelta`], or what comes without a number.
pub(super) fn of(frame: &Frame) -> &Arc<str> {
    frame.text(|content| match content {
        Content::Change(change) => json(&LiveDelta {
            seq: change.seq,
            change: Some(LiveChange {
                kind: change.kind.clone(),
                id: change.id.clone(),
                op: match change.op {
                    ChangeOp::Put => LiveOp::Put,
                    ChangeOp::Delete => LiveOp::Delete,
                },
                actor: change.actor.clone(),
                at: change.at.into(),
                body: change.body.read().unwrap_or(Value::Null),
            }),
            event: None,
        }),
        Content::Event(event) => json(&LiveDelta {
            seq: event.seq,
            change: None,
            event: Some(LiveEvent {
                step_id: event.step,
                at: event.at.into(),
                event: event.body.read().unwrap_or(Value::Null),
            }),
        }),
        Content::Piece { step, event } => transient(LiveTransient::Piece {
            step_id: *step,
            event: serde_json::to_value(&**event).unwrap_or(Value::Null),
        }),
        Content::Preparing { stage, detail } => transient(LiveTransient::Preparing {
            stage: stage.clone(),
            detail: detail.clone(),
        }),
        Content::Waiting { reason } => transient(LiveTransient::Waiting { reason: reason.clone() }),
        Content::Usage(sample) => transient(LiveTransient::Usage {
            at: sample.at.into(),
            usage: sample.usage.map(crate::sandboxes::usage),
        }),
    })
}

fn transient(transient: LiveTransient) -> String {
    #[derive(Serialize)]
    struct Alone {
        transient: LiveTransient,
    }
    json(&Alone { transient })
}

/// What there is now.
pub(super) fn snapshot(snapshot: &Snapshot) -> LiveSnapshot {
    use codecourier_engine::live::RunSummary;
    let run = |row: &RunSummary| LiveRun {
        id: row.id,
        status: row.status.as_str().to_owned(),
        workflow: row.workflow.clone(),
        prompt_preview: row.prompt_preview.clone(),
        created_at: row.created_at.into(),
        started_at: row.started_at.map(Into::into),
        finished_at: row.finished_at.map(Into::into),
    };
    match &snapshot.content {
        SnapshotContent::Project(runs) => LiveSnapshot {
            runs: runs.as_ref().map(|page| page.items.iter().map(run).collect()),
            run: None,
        },
        SnapshotContent::Run(row) => LiveSnapshot {
            runs: None,
            run: Some(run(row)),
        },
        SnapshotContent::Nothing => LiveSnapshot::default(),
    }
}

/// The beginnings of a subscription's messages.
#[derive(Debug)]
pub(super) struct Addressed {
    delta: String,
    transient: String,
}

impl Addressed {
    pub(super) fn to(id: &str) -> Self {
        let id = json(&id);
        Self {
            delta: format!(r#"{{"type":"delta","id":{id},"#),
            transient: format!(r#"{{"type":"transient","id":{id},"#),
        }
    }

    /// The whole message.
    pub(super) fn message(&self, frame: &Frame) -> String {
        let beginning = if frame.seq().is_some() {
            &self.delta
        } else {
            &self.transient
        };
        let rest = of(frame).get(1..).unwrap_or("}");
        let mut message = String::with_capacity(beginning.len() + rest.len());
        message.push_str(beginning);
        message.push_str(rest);
        message
    }
}

/// The JSON of what always has one.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!("a message cannot be written: {error}");
        "{}".to_owned()
    })
}
