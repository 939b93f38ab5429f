//! `codecourier logs`: everything that was said and done in a run, from the store.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;

use codecourier_domain::event::Event;
use codecourier_domain::id::{RunId, StepId};
use codecourier_domain::time::Timestamp;

use super::load::{self, Loaded};
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Screen;
use crate::terminal::data::{self, Reader};
use crate::watch::describe::{self, Detail, Transcript};
use crate::watch::{self, Lane, Output};

/// How many events are read at a time.
const PAGE: u32 = 500;
/// How often a run of another process is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(400);

/// The arguments of `logs`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
    #[command(flatten)]
    place: PlaceChoice,
    /// Stay until the run has ended
    #[arg(long, short)]
    follow: bool,
    /// Cut long texts, as `run` does
    #[arg(long)]
    short: bool,
}

/// Shows events one by one, under the names of their steps.
pub(crate) struct Printer<'a> {
    config: &'a Config,
    output: Output,
    transcript: Transcript,
    lanes: HashMap<StepId, Lane>,
    shown_step: Option<StepId>,
}

impl<'a> Printer<'a> {
    fn new(detail: Detail, config: &'a Config, output: Output) -> Self {
        Self {
            config,
            output,
            transcript: Transcript::new(detail),
            lanes: HashMap::new(),
            shown_step: None,
        }
    }

    /// Takes over what is known of the run's steps.
    pub(crate) fn learn(&mut self, steps: impl IntoIterator<Item = (StepId, Lane)>) {
        self.lanes.extend(steps);
    }

    /// Whether a step has a name.
    pub(crate) fn knows(&self, step: StepId) -> bool {
        self.lanes.contains_key(&step)
    }

    /// Shows one.
    pub(crate) fn print(&mut self, run: RunId, seq: u64, step: Option<StepId>, at: Timestamp, event: &Event) -> Reader {
        let lane = step.and_then(|step| self.lanes.get(&step));
        match self.output {
            Output::Json => {
                let name = lane.map(|lane| lane.name.as_str());
                data::json(&watch::event_json(run, seq, step, name, at, event))
            }
            Output::People => {
                let mut lines = Vec::new();
                if step.is_some() && step != self.shown_step {
                    self.shown_step = step;
                    lines.extend(lane.map(|lane| describe::step_heading(&lane.name, lane.iteration, lane.attempt)));
                }
                lines.extend(self.transcript.lines(step, event, data::width(self.config)));
                data::lines(self.config, &lines)
            }
        }
    }
}

/// Shows them.
pub(crate) async fn logs(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let detail = if arguments.short {
        Detail::Progress
    } else {
        Detail::Full
    };
    let mut printer = Printer::new(detail, config, output);
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        return if arguments.follow {
            let mut screen = Screen::standard_error(config);
            remote.follow(&arguments.run, printer, &mut screen).await
        } else {
            remote.logs(&arguments.run, printer).await
        };
    }
    let Loaded {
        records,
        project,
        run,
        mut view,
    } = load::run(config, &arguments.run).await?;
    let mut last = 0;
    loop {
        let has_ended = view.summary.status.has_ended();
        printer.learn(watch::steps_of(&view));
        loop {
            let events = records.events(project, run, last, PAGE).await?;
            let is_last_page = events.len() < PAGE as usize;
            for recorded in events {
                last = recorded.seq;
                let reader = printer.print(run, recorded.seq, recorded.step, recorded.at, &recorded.event);
                if reader == Reader::Gone {
                    return Ok(Exit::Completed);
                }
            }
            if is_last_page {
                break;
            }
        }
        if has_ended || !arguments.follow {
            return Ok(Exit::Completed);
        }
        // The run belongs to another process, whose commits give no sign over here.
        tokio::time::sleep(LOOK_AGAIN).await;
        view = records.get(project, run).await?;
    }
}
