//! The task `prepare`: the mirror is there and fresh, the base is resolved, the run's branch and the template exist.
//!
//! Invariant: all of it may be done again; the first result that is committed is the one that counts.

use std::collections::BTreeMap;

use codecourier_domain::branch::BranchName;
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_forge::Source;

use super::failures::forge_trouble;
use super::live::Notice;
use super::pinned::{Pinned, PinnedTemplate};
use super::spec::{RepositorySource, RunSpec};
use super::step::StepError;
use super::worker::TaskContext;

/// Prepares a run.
pub(super) async fn prepare(context: &TaskContext, spec: &RunSpec) -> Result<Pinned, StepError> {
    let engine = &context.engine;
    let tell = |stage: &str, detail: &str| {
        engine.live.tell(
            context.run,
            Notice::Preparing {
                stage: stage.to_owned(),
                detail: detail.to_owned(),
            },
        );
    };
    tell("repository", "fetching");
    let source = source(&spec.repository)?;
    let mirror = engine
        .mirrors
        .ensure(context.project, &source)
        .await
        .map_err(|error| forge_trouble(&error))?;
    // A crash may have cut an earlier preparation off after it made the branch: the run began there, wherever the
    // source is by now.
    let began = mirror
        .run_base(&context.run)
        .await
        .map_err(|error| forge_trouble(&error))?;
    let base = match began {
        Some(base) => base,
        None => mirror
            .resolve_base(spec.base_branch.as_ref())
            .await
            .map_err(|error| forge_trouble(&error))?,
    };
    let base_branch = match &spec.base_branch {
        Some(branch) => branch.clone(),
        None => match mirror.default_branch().await.map_err(|error| forge_trouble(&error))? {
            Some(branch) => branch,
            None => "main"
                .parse()
                .map_err(|_| Failure::new(FailureClass::Internal, "`main` names no branch."))?,
        },
    };
    let branch = BranchName::of_run(&context.run, &spec.prompt);
    let begun = mirror
        .create_run_branch(&context.run, &base, &branch)
        .await
        .map_err(|error| forge_trouble(&error))?;
    let uncommitted = mirror.source_state().map_or(0, |state| state.dirty_count);

    let template = engine.templates.ensure(spec.template_of(spec.agent), &tell).await?;
    let mut others = BTreeMap::new();
    for agent in spec.agents().into_iter().filter(|agent| *agent != spec.agent) {
        let template = engine.templates.ensure(spec.template_of(agent), &tell).await?;
        let pinned = PinnedTemplate {
            template: template.digest,
            layers: template.layers,
            agent_version: template.agent_version,
        };
        others.insert(agent, pinned);
    }
    Ok(Pinned {
        template: template.digest,
        layers: template.layers,
        agent_version: template.agent_version,
        others,
        base: begun.base.to_string(),
        base_branch,
        branch,
        uncommitted_files: u32::try_from(uncommitted).unwrap_or(u32::MAX),
    })
}

/// The source as the forge takes it.
pub(super) fn source(repository: &RepositorySource) -> Result<Source, Failure> {
    Ok(match repository {
        RepositorySource::LocalPath { path } => Source::LocalPath(path.clone()),
        RepositorySource::Url { url } => Source::Url(url.parse().map_err(|error: codecourier_forge::UrlRefused| {
            Failure::new(FailureClass::Repository, crate::error::sentence(&error.to_string()))
        })?),
    })
}
