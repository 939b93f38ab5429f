//! Templates for the engine: the ones that ship, from the store of layers in the data directory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_engine::error::chain;
use codecourier_engine::templates::{ReadyTemplate, Report, TemplateName, Templates};
use codecourier_sandbox::templates::{
    Progress, Stage, TemplateSpec, TemplateStore, base_template, claude_template, codex_template, opencode_template,
    pi_template,
};

use codecourier_engine::error::sentence;

/// The templates in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct SandboxTemplates {
    store: TemplateStore,
}

impl SandboxTemplates {
    pub(crate) const fn new(store: TemplateStore) -> Self {
        Self { store }
    }
}

/// A template that ships.
pub(crate) fn shipped(template: TemplateName) -> TemplateSpec {
    match template {
        TemplateName::Base => base_template(),
        TemplateName::Claude => claude_template(),
        TemplateName::Opencode => opencode_template(),
        TemplateName::Codex => codex_template(),
        TemplateName::Pi => pi_template(),
    }
}

/// The version of the agent's program in a template that ships.
pub(crate) fn version(template: TemplateName) -> Option<String> {
    let cli = shipped(template).agent_cli?;
    Some(cli.says_version.unwrap_or(cli.package.version))
}

#[async_trait]
impl Templates for SandboxTemplates {
    async fn ensure(&self, template: TemplateName, report: Report<'_>) -> Result<ReadyTemplate, Failure> {
        let spec = shipped(template);
        let told = Told {
            report,
            percent: AtomicU64::new(u64::MAX),
        };
        let ready = self.store.ensure(&spec, &told).await.map_err(|error| {
            tracing::error!(template = spec.name, "could not be built: {}", chain(&error));
            Failure::new(FailureClass::Template, sentence(&chain(&error)))
        })?;
        let agent_version = ready.versions.get(template.as_str()).cloned().unwrap_or_default();
        Ok(ReadyTemplate {
            digest: ready.digest.as_str().to_owned(),
            layers: ready.layers,
            agent_version,
        })
    }

    fn version(&self, template: TemplateName) -> Option<String> {
        version(template)
    }
}

/// Passes progress on, and no more of it than somebody can see.
struct Told<'a> {
    report: Report<'a>,
    percent: AtomicU64,
}

impl Progress for Told<'_> {
    fn stage(&self, stage: Stage, detail: &str) {
        self.percent.store(u64::MAX, Ordering::Relaxed);
        (self.report)(&format!("template: {stage}"), detail);
    }

    fn advance(&self, stage: Stage, done: u64, total: u64) {
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0);
        if self.percent.swap(percent, Ordering::Relaxed) != percent {
            (self.report)(&format!("template: {stage}"), &format!("{done} of {total}"));
        }
    }

    fn line(&self, line: &str) {
        tracing::debug!(target: "codecourier::template", "{line}");
    }

    fn done(&self, layer: &str, built: Option<Duration>) {
        if let Some(built) = built {
            tracing::info!(layer, seconds = built.as_secs(), "a layer was built");
            (self.report)("template: layer built", &format!("{layer} in {} s", built.as_secs()));
        }
    }
}
