//! Talking to an agent at a server: what `sandbox` does there.

use codecourier_domain::id::{RunId, SandboxId};
use codecourier_domain::run::RunStatus;
use codecourier_engine::ErrorCode;
use codecourier_wire::runs::{RunDetail, SendMessage, StepInput, StepView, SwitchModel};
use codecourier_wire::sandboxes::{Sandbox, SandboxFile, StartSandbox};
use serde_json::json;

use super::Remote;
use super::watch::{Watched, until};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::verbs::execute;
use crate::watch::interrupts::Interrupts;
use crate::watch::{self, Output};

/// What is said to an agent.
pub(crate) enum Said {
    /// A message.
    Message(String),
    /// That its turn shall end.
    Interrupt,
    /// That it shall go on with another model.
    Model(String),
    /// That the conversation is over.
    Finish,
}

impl Remote {
    /// Starts a sandbox, and shows what its agent does until it waits.
    pub(crate) async fn start_sandbox(
        &self,
        request: &StartSandbox,
        config: &Config,
        output: Output,
    ) -> Result<Exit, Problem> {
        let started: RunDetail = self.client.post(&self.path("/sandboxes"), request).await?;
        let run = started.run.id;
        if output == Output::Json {
            data::json(&json!({ "type": "started", "run": run, "project": self.project }));
        }
        let mut screen = execute::screen(config, output);
        let place = format!("  in {} at {}", self.project, self.client.url());
        let line = Tone::Strong.line(&format!("sandbox {}", run.short()));
        screen.line(&line.and(Tone::Quiet, &place));
        self.until_it_waits(run, 0, screen, config, output).await
    }

    /// Says something to the agent that works for a run now, and shows what comes of it.
    pub(crate) async fn say(&self, run: &str, said: Said, config: &Config, output: Output) -> Result<Exit, Problem> {
        let run = self.find(run).await?;
        let detail = self.get(run).await?;
        let step = current(&detail)?;
        let after = detail.last_event;
        let path = |what: &str| self.run_path(run, &format!("/steps/{}/{what}", step.id));
        let _told: StepInput = match &said {
            Said::Message(text) => {
                self.client
                    .post(&path("messages"), &SendMessage { text: text.clone() })
                    .await?
            }
            Said::Interrupt => self.client.post(&path("interrupt"), &json!({})).await?,
            Said::Model(model) => {
                self.client
                    .post(&path("model"), &SwitchModel { model: model.clone() })
                    .await?
            }
            Said::Finish => self.client.post(&path("finish"), &json!({})).await?,
        };
        let mut screen = execute::screen(config, output);
        if matches!(said, Said::Finish) {
            let mut interrupts = Interrupts::listen()?;
            let has_ended = |detail: &RunDetail| RunStatus::from(detail.run.status).has_ended();
            let watched = until(self, run, after, has_ended, &mut screen, &mut interrupts, output).await?;
            drop(screen);
            return match watched {
                Watched::Ended(detail) => self.present(*detail, config, output).await,
                Watched::Left => Ok(watch::LEFT),
            };
        }
        self.until_it_waits(run, after, screen, config, output).await
    }

    /// Pauses a sandbox, or lets it go on.
    pub(crate) async fn pause(&self, which: &str, verb: &str) -> Result<Sandbox, Problem> {
        let sandbox = self.sandbox_of(which).await?;
        let path = self.path(&format!("/sandboxes/{sandbox}/{verb}"));
        self.client.post(&path, &json!({})).await
    }

    /// One sandbox, by its identifier or by its run.
    pub(crate) async fn sandbox(&self, which: &str) -> Result<Sandbox, Problem> {
        let sandbox = self.sandbox_of(which).await?;
        self.client.get(&self.path(&format!("/sandboxes/{sandbox}"))).await
    }

    /// A folder of the repository in a sandbox, up to that many entries.
    pub(crate) async fn sandbox_files(
        &self,
        which: &str,
        path: &str,
        most: usize,
    ) -> Result<Vec<SandboxFile>, Problem> {
        let sandbox = self.sandbox_of(which).await?;
        let address = self.path(&format!("/sandboxes/{sandbox}/files"));
        self.client.list_of(&address, &[("path", path.to_owned())], most).await
    }

    /// The beginning of a file of the repository in a sandbox.
    pub(crate) async fn sandbox_file(&self, which: &str, path: &str, most: usize) -> Result<Vec<u8>, Problem> {
        let sandbox = self.sandbox_of(which).await?;
        let address = self.path(&format!("/sandboxes/{sandbox}/files/content"));
        let query = [("path", path.to_owned()), ("limit", most.to_string())];
        self.client.bytes_of(&address, &query).await
    }

    /// Kills a sandbox.
    pub(crate) async fn kill_sandbox(&self, which: &str) -> Result<SandboxId, Problem> {
        let sandbox = self.sandbox_of(which).await?;
        let path = self.path(&format!("/sandboxes/{sandbox}/kill"));
        self.client.post_plain(&path, &json!({})).await?;
        Ok(sandbox)
    }

    /// Shows what the agent does until it waits for a person, or the run ends.
    async fn until_it_waits(
        &self,
        run: RunId,
        after: u64,
        mut screen: Screen,
        config: &Config,
        output: Output,
    ) -> Result<Exit, Problem> {
        let mut interrupts = Interrupts::listen()?;
        let waits = |detail: &RunDetail| {
            let step = detail.steps.last();
            let waits = step.is_some_and(|step| step.awaits_input && step.waiting.is_empty());
            waits || RunStatus::from(detail.run.status).has_ended()
        };
        let watched = until(self, run, after, waits, &mut screen, &mut interrupts, output).await?;
        let Watched::Ended(detail) = watched else {
            return Ok(watch::LEFT);
        };
        if RunStatus::from(detail.run.status).has_ended() {
            drop(screen);
            return self.present(*detail, config, output).await;
        }
        match output {
            Output::Json => {
                data::json(&json!({ "type": "waits", "run": run, "status": detail.run.status }));
            }
            Output::People => {
                let short = run.short();
                let words = format!(
                    "The agent waits. `codecourier sandbox send {short} TEXT` says more, `codecourier sandbox finish {short}` takes over its work."
                );
                screen.line(&Tone::Quiet.line(&words));
            }
        }
        Ok(Exit::Completed)
    }

    async fn sandbox_of(&self, which: &str) -> Result<SandboxId, Problem> {
        if let Ok(sandbox) = which.parse() {
            return Ok(sandbox);
        }
        let detail = self.get(self.find(which).await?).await?;
        let sandbox = detail.steps.iter().rev().find_map(|step| step.sandbox_id);
        sandbox.ok_or_else(|| {
            let message = format!("The run {} has no sandbox now.", detail.run.id.short());
            Problem::new(Exit::Usage, ErrorCode::Conflict, message)
        })
    }
}

/// The step that a run is at.
fn current(detail: &RunDetail) -> Result<&StepView, Problem> {
    detail.steps.last().ok_or_else(|| {
        let message = "The run is being prepared: its agent cannot be told anything yet.";
        Problem::new(Exit::Usage, ErrorCode::Conflict, message)
    })
}
