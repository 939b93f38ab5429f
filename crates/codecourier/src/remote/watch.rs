//! Watching a run at a server to its end: shown as an embedded one is, and cancelled in the same way.

use codecourier_domain::event::Event;
use codecourier_domain::id::RunId;
use codecourier_domain::run::RunStatus;
use codecourier_engine::runs::follow::Seen;
use codecourier_wire::live::{LiveEvent, LiveTransient};
use codecourier_wire::runs::{EventsPage, PauseKind, RunDetail};

use super::follow::{Follower, Told};
use super::{Remote, steps_of};
use crate::problem::Problem;
use crate::terminal::{Line, Screen, Tone};
use crate::watch::interrupts::{Farewell, Interrupts, Watching, Wishes};
use crate::watch::tally::Tally;
use crate::watch::{Output, TICK, Watch};

/// How many events are read at a time.
pub(super) const PAGE: u32 = 500;

/// How watching ended.
pub(super) enum Watched {
    /// The run ended, or waits for a person.
    Ended(Box<RunDetail>),
    /// The person goes; the run stays.
    Left,
}

/// Follows a run from its first event to its end.
pub(super) async fn to_end(
    remote: &Remote,
    run: RunId,
    screen: &mut Screen,
    interrupts: &mut Interrupts,
    output: Output,
) -> Result<Watched, Problem> {
    let is_over = |detail: &RunDetail| RunStatus::from(detail.run.status).has_ended();
    until(remote, run, 0, is_over, screen, interrupts, output).await
}

/// Follows a run from after an event until it is over, or is as whoever follows wants it.
pub(super) async fn until(
    remote: &Remote,
    run: RunId,
    after: u64,
    is_over: impl Fn(&RunDetail) -> bool,
    screen: &mut Screen,
    interrupts: &mut Interrupts,
    output: Output,
) -> Result<Watched, Problem> {
    let mut follower = Follower::new(remote, run, after);
    let mut watch = Watch::new(run, after, Tally::default(), output);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut wishes = Wishes::default();
    let mut stopped: Option<Box<RunDetail>> = None;
    loop {
        // What was committed before the end is in the log: it is all shown.
        if let Some(detail) = stopped.take_if(|detail| follower.has_told(detail.last_event)) {
            screen.clear_status();
            return Ok(Watched::Ended(detail));
        }
        tokio::select! {
            told = follower.next() => match told? {
                Told::Run(detail) => {
                    watch.learn(steps_of(&detail));
                    match &detail.pause {
                        // It goes on by itself, and is followed until it does.
                        Some(pause) if pause.kind == PauseKind::RateLimit => {
                            let reason = pause.message.clone();
                            watch.see(Seen::Waiting { reason }, screen);
                        }
                        Some(_) => stopped = Some(detail),
                        None => stopped = is_over(&detail).then_some(detail),
                    }
                }
                Told::Event { seq, event } => show(&mut watch, seq, &event, screen),
                Told::Transient(transient) => {
                    if let Some(seen) = seen_of(transient) {
                        watch.see(seen, screen);
                    }
                }
                Told::Away(why) => screen.line(&away(&why)),
                Told::Back => screen.line(&back()),
            },
            interrupt = interrupts.next() => {
                let short = run.short();
                let farewell = Farewell {
                    cancelling: "The run is being cancelled by the server.",
                    running: &format!(
                        "Left running at the server. `codecourier logs -f {short}` follows it, `codecourier cancel {short}` ends it."
                    ),
                };
                if wishes.take(interrupt, &farewell, screen) == Watching::Ends {
                    return Ok(Watched::Left);
                }
            }
            () = wishes.cancel() => {
                "cancelling".clone_into(&mut watch.activity);
                match super::runs::ask_to_cancel(remote, run).await {
                    Ok(_) => {}
                    // It ended by itself meanwhile: the loop sees that.
                    Err(problem) => tracing::info!(%run, "not cancelled: {}", problem.message),
                }
            }
            _ = ticks.tick(), if screen.shows_status() => watch.show_status(screen),
        }
    }
}

/// That the server does not answer.
pub(super) fn away(why: &str) -> Line {
    Tone::Warning.line(&format!("{why} Waiting for it; the run goes on."))
}

/// That it answers again.
pub(super) fn back() -> Line {
    Tone::Quiet.line("The server is back.")
}

/// Events of a run after a number, oldest first.
pub(super) async fn events_after(remote: &Remote, run: RunId, after: u64, limit: u32) -> Result<EventsPage, Problem> {
    let query = [("after", after.to_string()), ("limit", limit.to_string())];
    remote.client.whole(&remote.run_path(run, "/events"), &query).await
}

/// An event as this program knows it; one of a kind that only a newer server has is a notice that names it.
pub(super) fn event_of(value: &serde_json::Value) -> Event {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| {
        let kind = value.get("kind").and_then(serde_json::Value::as_str).unwrap_or("?");
        Event::Notice {
            message: format!("an event of the kind `{kind}`, which this version does not know"),
        }
    })
}

fn show(watch: &mut Watch, seq: u64, event: &LiveEvent, screen: &mut Screen) {
    if seq <= watch.last {
        return;
    }
    let seen = Seen::Stored {
        seq,
        step: event.step_id,
        at: event.at.into(),
        event: Box::new(event_of(&event.event)),
    };
    watch.see(seen, screen);
}

fn seen_of(transient: LiveTransient) -> Option<Seen> {
    Some(match transient {
        LiveTransient::Piece { step_id, event } => Seen::Transient {
            step: step_id,
            event: std::sync::Arc::new(serde_json::from_value(event).ok()?),
        },
        LiveTransient::Preparing { stage, detail } => Seen::Preparing { stage, detail },
        LiveTransient::Waiting { reason } => Seen::Waiting { reason },
        // Of a sandbox, and runs are what is followed here.
        LiveTransient::Usage { .. } => return None,
    })
}
