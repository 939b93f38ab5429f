//! Starting a run at a server and following it to its end.

use codecourier_wire::runs::{RunDetail, StartRun};
use serde_json::json;

use super::Remote;
use super::result::RemoteResult;
use super::watch::{Watched, to_end};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Line, Tone, data};
use crate::verbs::execute;
use crate::watch::interrupts::Interrupts;
use crate::watch::result::exit_of;
use crate::watch::{self, Output};

impl Remote {
    /// Starts a run and follows it.
    pub(crate) async fn run(&self, request: &StartRun, config: &Config, output: Output) -> Result<Exit, Problem> {
        let mut interrupts = Interrupts::listen()?;
        let started: RunDetail = self.client.post(&self.path("/runs"), request).await?;
        let run = started.run.id;
        if output == Output::Json {
            data::json(&json!({ "type": "started", "run": run, "project": self.project }));
        }
        let mut screen = execute::screen(config, output);
        let place = format!(
            "  {} in {} at {}",
            started.run.workflow,
            self.project,
            self.client.url()
        );
        screen.line(
            &Tone::Strong
                .line(&format!("run {}", run.short()))
                .and(Tone::Quiet, &place),
        );
        let watched = to_end(self, run, &mut screen, &mut interrupts, output).await?;
        drop(screen);
        match watched {
            Watched::Ended(detail) => self.present(*detail, config, output).await,
            Watched::Left => Ok(watch::LEFT),
        }
    }

    /// Shows what came out of a run that has ended.
    pub(super) async fn present(&self, detail: RunDetail, config: &Config, output: Output) -> Result<Exit, Problem> {
        let exit = exit_of(detail.run.status.into());
        let result = RemoteResult::gather(self, detail).await?;
        match output {
            Output::Json => {
                data::json(&result.json());
            }
            Output::People => {
                let mut lines = vec![Line::new()];
                lines.extend(result.lines(data::width(config)));
                data::lines(config, &lines);
            }
        }
        Ok(exit)
    }
}
