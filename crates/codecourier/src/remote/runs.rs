//! Reading and ending runs at a server: what `runs`, `show`, `logs`, `diff`, `patch` and `cancel` do there.

use codecourier_domain::id::RunId;
use codecourier_domain::run::RunStatus;
use codecourier_wire::runs::{EventView, Run, RunDetail};
use serde_json::json;

use super::follow::{Follower, Told};
use super::result::{self, RemoteResult};
use super::watch::{PAGE, away, back, event_of, events_after};
use super::{Remote, steps_of};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::data::{self, Reader};
use crate::terminal::{Screen, Tone};
use crate::verbs::logs::Printer;
use crate::verbs::runs::{Filter, Listed};
use crate::verbs::show::present;
use crate::verbs::{cancel, diff};
use crate::watch::Output;

impl Remote {
    /// Lists runs.
    pub(crate) async fn list(
        &self,
        filter: &Filter,
        limit: u32,
        config: &Config,
        output: Output,
    ) -> Result<Exit, Problem> {
        let path = self.path("/runs");
        let runs: Vec<Run> = self.client.list_of(&path, &filter.query(), limit as usize).await?;
        let listed = runs.into_iter().map(|run| Listed {
            id: run.id,
            project: self.project.clone(),
            status: run.status.into(),
            workflow: run.workflow,
            prompt_preview: run.prompt_preview,
            created_at: run.created_at.into(),
            started_at: run.started_at.map(Into::into),
            finished_at: run.finished_at.map(Into::into),
            tokens: run.tokens.into(),
            spent: codecourier_domain::money::MicroUsd(run.cost_micro_usd),
        });
        crate::verbs::runs::show(&listed.collect::<Vec<_>>(), config, output);
        Ok(Exit::Completed)
    }

    /// Shows what came out of a run.
    pub(crate) async fn show(&self, run: &str, config: &Config, output: Output) -> Result<Exit, Problem> {
        let detail = self.get(self.find(run).await?).await?;
        let prompt = detail.prompt.clone();
        let result = RemoteResult::gather(self, detail).await?;
        present(&prompt, || result.json(), |width| result.lines(width), config, output);
        Ok(Exit::Completed)
    }

    /// Shows everything that was said and done so far.
    pub(crate) async fn logs(&self, run: &str, mut printer: Printer<'_>) -> Result<Exit, Problem> {
        let run = self.find(run).await?;
        printer.learn(steps_of(&self.get(run).await?));
        let mut last = 0;
        loop {
            let page = events_after(self, run, last, PAGE).await?;
            for EventView {
                seq,
                step_id,
                at,
                event,
            } in page.data
            {
                last = seq;
                if step_id.is_some_and(|step| !printer.knows(step)) {
                    printer.learn(steps_of(&self.get(run).await?));
                }
                if printer.print(run, seq, step_id, at.into(), &event_of(&event)) == Reader::Gone {
                    return Ok(Exit::Completed);
                }
            }
            if !page.has_more {
                return Ok(Exit::Completed);
            }
        }
    }

    /// Shows everything that was said and done, and what is, until the run has ended.
    pub(crate) async fn follow(
        &self,
        run: &str,
        mut printer: Printer<'_>,
        screen: &mut Screen,
    ) -> Result<Exit, Problem> {
        let run = self.find(run).await?;
        let mut follower = Follower::new(self, run, 0);
        let mut seen: Option<Box<RunDetail>> = None;
        loop {
            let has_ended = |detail: &RunDetail| RunStatus::from(detail.run.status).has_ended();
            if seen
                .as_deref()
                .is_some_and(|detail| has_ended(detail) && follower.has_told(detail.last_event))
            {
                return Ok(Exit::Completed);
            }
            match follower.next().await? {
                Told::Run(detail) => {
                    printer.learn(steps_of(&detail));
                    seen = Some(detail);
                }
                Told::Event { seq, event } => {
                    let shown = printer.print(run, seq, event.step_id, event.at.into(), &event_of(&event.event));
                    if shown == Reader::Gone {
                        return Ok(Exit::Completed);
                    }
                }
                Told::Transient(_) => {}
                Told::Away(why) => screen.line(&away(&why)),
                Told::Back => screen.line(&back()),
            }
        }
    }

    /// Shows the change of a run.
    pub(crate) async fn diff(&self, run: &str, stat: bool, config: &Config, output: Output) -> Result<Exit, Problem> {
        let run = self.find(run).await?;
        let Some(change) = result::diff(self, run).await? else {
            return Err(diff::no_change());
        };
        if output == Output::Json {
            data::json(&json!({ "type": "diff", "run": run, "diff": change }));
            return Ok(Exit::Completed);
        }
        if stat {
            let files = change.files.iter();
            let lines = files.map(|file| diff::stat_line(&file.path, file.additions, file.deletions));
            data::lines(config, &lines.collect::<Vec<_>>());
        } else {
            diff::show_unified(config, &change.unified);
        }
        if change.truncated && !stat {
            let line = "The change is longer than what is shown here; `codecourier patch` has all of it.";
            Screen::standard_error(config).line(&Tone::Warning.line(line));
        }
        Ok(Exit::Completed)
    }

    /// Writes the change of a run as a patch.
    pub(crate) async fn patch(&self, run: &str, config: &Config) -> Result<Exit, Problem> {
        if data::is_terminal() {
            return Err(crate::verbs::patch::to_a_terminal());
        }
        let run = self.find(run).await?;
        let patch = self.client.bytes(&self.run_path(run, "/patch")).await?;
        data::bytes(&patch);
        let is_mailbox = patch.starts_with(b"From ");
        if !is_mailbox && !patch.is_empty() {
            crate::verbs::patch::say_it_is_a_diff(config);
        }
        Ok(Exit::Completed)
    }

    /// Ends a run, and waits until it has ended.
    pub(crate) async fn cancel(&self, run: &str, config: &Config, output: Output) -> Result<Exit, Problem> {
        let run = self.find(run).await?;
        let mut detail = ask_to_cancel(self, run).await?;
        let mut follower = Follower::new(self, run, detail.last_event);
        while !RunStatus::from(detail.run.status).has_ended() {
            if let Told::Run(now) = follower.next().await? {
                detail = *now;
            }
        }
        let status = RunStatus::from(detail.run.status);
        cancel::tell(run, status, config, output);
        Ok(Exit::Completed)
    }
}

/// Asks the server to end a run.
pub(super) async fn ask_to_cancel(remote: &Remote, run: RunId) -> Result<RunDetail, Problem> {
    remote.client.post(&remote.run_path(run, "/cancel"), &json!({})).await
}
