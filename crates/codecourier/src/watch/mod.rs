//! Following a run to its end: what happens is shown as it happens, and a `Ctrl-C` is understood.
//!
//! Invariants: every stored event is shown once and in order, also when it comes while the run ends; whoever watches
//! changes nothing but by cancelling.

pub(crate) mod describe;
pub(crate) mod interrupts;
pub(crate) mod result;
pub(crate) mod tally;

use std::collections::HashMap;
use std::time::Duration;

use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::run::PauseReason;
use codecourier_domain::time::Timestamp;
use codecourier_engine::runs::follow::Seen;
use codecourier_engine::runs::view::RunView;
use serde_json::json;
use tokio::time::Instant;

use crate::exit::Exit;
use crate::platform::Platform;
use crate::problem::Problem;
use crate::terminal::screen::{Manner, WHEEL};
use crate::terminal::{Screen, Tone, data, time};
use describe::{Detail, Transcript};
use interrupts::{Farewell, Interrupts, Watching, Wishes};
use tally::Tally;

/// How often the line at the bottom moves.
pub(crate) const TICK: Duration = Duration::from_millis(125);

/// What goes to standard output while watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Nothing: people watch the screen.
    People,
    /// One JSON object per line.
    Json,
}

/// How watching ended.
pub(crate) enum Watched {
    /// The run ended, or waits for a person.
    Ended(Box<RunView>),
    /// The person goes; the run stays.
    Left,
}

/// Follows a run from after an event's number to its end.
pub(crate) async fn to_end(
    platform: &Platform,
    (project, run): (ProjectId, RunId),
    after: u64,
    screen: &mut Screen,
    interrupts: &mut Interrupts,
    output: Output,
) -> Result<Watched, Problem> {
    let runs = platform.engine.runs();
    let mut feed = runs.follow(project, run, after);
    let mut view = runs.get(project, run).await?;
    let tally = if after == 0 {
        Tally::default()
    } else {
        Tally::from_totals(&view.summary.totals)
    };
    let mut watch = Watch::new(run, after, tally, output);
    watch.learn(steps_of(&view));
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut wishes = Wishes::default();
    loop {
        if has_stopped(&view) {
            // What was committed before the end is in the log: show it all.
            let head = platform.records.event_head(project, run).await?;
            while watch.last < head {
                let seen = feed.next().await?;
                watch.see(seen, screen);
            }
            screen.clear_status();
            return Ok(Watched::Ended(Box::new(view)));
        }
        tokio::select! {
            seen = feed.next() => match seen? {
                Seen::Changed => {
                    view = runs.get(project, run).await?;
                    watch.learn(steps_of(&view));
                    if let Some(waiting) = waiting(&view) {
                        watch.see(waiting, screen);
                    }
                }
                seen => {
                    if let Seen::Stored { step: Some(step), .. } = &seen
                        && !watch.knows(*step)
                    {
                        view = runs.get(project, run).await?;
                        watch.learn(steps_of(&view));
                    }
                    watch.see(seen, screen);
                }
            },
            interrupt = interrupts.next() => {
                let short = run.short();
                let farewell = Farewell {
                    cancelling: "The run is being cancelled; `codecourier resume` finishes that.",
                    running: &format!(
                        "Left running: its agents go on. `codecourier resume {short}` takes it up, `codecourier cancel {short}` ends it."
                    ),
                };
                if wishes.take(interrupt, &farewell, screen) == Watching::Ends {
                    return Ok(Watched::Left);
                }
            }
            () = wishes.cancel() => {
                match runs.cancel(project, run, "cli").await {
                    Ok(()) => watch.activity = "cancelling".to_owned(),
                    // It ended by itself meanwhile: the loop sees that.
                    Err(error) => tracing::info!(%run, "not cancelled: {error}"),
                }
                view = runs.get(project, run).await?;
            }
            _ = ticks.tick(), if screen.shows_status() => watch.show_status(screen),
        }
    }
}

/// The steps of a run as they are named on the screen.
pub(crate) fn steps_of(view: &RunView) -> impl Iterator<Item = (StepId, Lane)> {
    view.steps.iter().map(|step| {
        let lane = Lane {
            name: step.row.lane.clone(),
            iteration: step.row.iteration,
            attempt: step.row.attempt,
        };
        (step.row.id, lane)
    })
}

/// The exit code of a watch that was left.
pub(crate) const LEFT: Exit = Exit::NotEnded;

/// Whether nothing more comes of a run until a person acts.
fn has_stopped(view: &RunView) -> bool {
    view.summary.status.has_ended() || view.state.pause().is_some_and(PauseReason::waits_for_a_person)
}

/// Why the run waits for something that comes by itself, as a follower is told.
fn waiting(view: &RunView) -> Option<Seen> {
    let reason = view.state.pause().filter(|pause| !pause.waits_for_a_person())?;
    let reason = reason.message().to_owned();
    Some(Seen::Waiting { reason })
}

/// What a watcher remembers.
pub(crate) struct Watch {
    run: RunId,
    /// The number of the last event that was shown.
    pub(crate) last: u64,
    lanes: HashMap<StepId, Lane>,
    shown_step: Option<StepId>,
    /// What goes on, for the line at the bottom.
    pub(crate) activity: String,
    tally: Tally,
    transcript: Transcript,
    since: Instant,
    output: Output,
    turn: usize,
    /// Why nothing went on when last told: said once, not at every try.
    waiting_for: Option<String>,
}

/// A step as it is named on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    /// Its lane: `designer#1`.
    pub(crate) name: String,
    /// Which time round.
    pub(crate) iteration: u32,
    /// Which try.
    pub(crate) attempt: u32,
}

impl Watch {
    /// A watcher who has seen the events up to a number.
    pub(crate) fn new(run: RunId, last: u64, tally: Tally, output: Output) -> Self {
        Self {
            run,
            last,
            lanes: HashMap::new(),
            shown_step: None,
            activity: String::new(),
            tally,
            transcript: Transcript::new(Detail::Progress),
            since: Instant::now(),
            output,
            turn: 0,
            waiting_for: None,
        }
    }

    /// Takes over what is known of the run's steps.
    pub(crate) fn learn(&mut self, steps: impl IntoIterator<Item = (StepId, Lane)>) {
        for (step, lane) in steps {
            self.lanes.entry(step).or_insert(lane);
        }
    }

    /// Whether a step has a name.
    pub(crate) fn knows(&self, step: StepId) -> bool {
        self.lanes.contains_key(&step)
    }

    /// Shows one thing.
    pub(crate) fn see(&mut self, seen: Seen, screen: &mut Screen) {
        match seen {
            Seen::Stored { seq, step, at, event } => self.stored(seq, step, at, &event, screen),
            Seen::Transient { step: _, event } => {
                if let Event::Text { partial: true, .. } = &*event {
                    self.activity = "writing".to_owned();
                } else if let Event::Thinking { partial: true, .. } = &*event {
                    self.activity = "thinking".to_owned();
                }
            }
            Seen::Preparing { stage, detail } => {
                if self.output == Output::Json {
                    data::json(&json!({ "type": "preparing", "run": self.run, "stage": stage, "detail": detail }));
                }
                let is_new = !self.activity.starts_with(&stage);
                self.activity = format!("{stage}  {detail}");
                if is_new && screen.manner() == Manner::Plain {
                    screen.line(&Tone::Quiet.line(&format!("preparing: {stage}  {detail}")));
                }
            }
            Seen::Waiting { reason } => {
                if self.output == Output::Json {
                    data::json(&json!({ "type": "waiting", "run": self.run, "reason": reason }));
                }
                if self.waiting_for.as_ref() != Some(&reason) {
                    screen.lines(&describe::paragraph(Tone::Warning, &reason, screen.width()));
                    self.waiting_for = Some(reason);
                }
            }
            Seen::Changed => {}
        }
    }

    fn stored(&mut self, seq: u64, step: Option<StepId>, at: Timestamp, event: &Event, screen: &mut Screen) {
        self.last = seq;
        self.waiting_for = None;
        self.tally.count(event);
        if self.output == Output::Json {
            data::json(&event_json(self.run, seq, step, self.lane_of(step), at, event));
        }
        if step.is_some() && step != self.shown_step {
            self.shown_step = step;
            if let Some(lane) = step.and_then(|step| self.lanes.get(&step)) {
                screen.line(&describe::step_heading(&lane.name, lane.iteration, lane.attempt));
            }
        }
        let lines = self.transcript.lines(step, event, screen.width());
        screen.lines(&lines);
        self.activity = match event {
            Event::Phase {
                phase,
                state: PhaseState::Started,
                ..
            } => match phase {
                Phase::AgentCli => "waiting for the agent".to_owned(),
                phase => phase.as_str().to_owned(),
            },
            Event::ToolCall { .. } | Event::ToolResult { .. } => self
                .transcript
                .current_call(step)
                .unwrap_or_else(|| "waiting for the model".to_owned()),
            _ => std::mem::take(&mut self.activity),
        };
        if screen.shows_status() {
            self.show_status(screen);
        }
    }

    fn lane_of(&self, step: Option<StepId>) -> Option<&str> {
        step.and_then(|step| self.lanes.get(&step))
            .map(|lane| lane.name.as_str())
    }

    /// Moves the line at the bottom.
    pub(crate) fn show_status(&mut self, screen: &mut Screen) {
        self.turn = self.turn.wrapping_add(1);
        let wheel = WHEEL[self.turn % WHEEL.len()];
        let elapsed = time::clock(self.since.elapsed().as_secs());
        let place = self.lane_of(self.shown_step).unwrap_or("preparing").to_owned();
        screen.status(
            &Tone::Usable
                .line(wheel)
                .and(Tone::Strong, &format!(" {elapsed} "))
                .and(Tone::Quiet, &self.tally.words())
                .and(Tone::Plain, &format!("  {place} · {}", self.activity)),
        );
    }
}

/// A stored event for programs.
pub(crate) fn event_json(
    run: RunId,
    seq: u64,
    step: Option<StepId>,
    lane: Option<&str>,
    at: Timestamp,
    event: &Event,
) -> serde_json::Value {
    json!({
        "type": "event",
        "run": run,
        "seq": seq,
        "step": step,
        "lane": lane,
        "at": time::rfc3339(at),
        "event": event,
    })
}
