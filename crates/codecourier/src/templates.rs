//! Templates for the engine: the ones that ship, from the store of layers in the data directory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use codecourier_domain::agent::AgentKind;
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_engine::error::chain;
use codecourier_engine::templates::{ReadyTemplate, Report, Templates};
use codecourier_sandbox::templates::{
    Progress, Stage, TemplateSpec, TemplateStore, claude_template, codex_template, opencode_template, pi_template,
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

/// The template that ships for an agent, if one does.
pub(crate) fn shipped(agent: AgentKind) -> Option<TemplateSpec> {
    match agent {
        AgentKind::Claude => Some(claude_template()),
        AgentKind::Opencode => Some(opencode_template()),
        AgentKind::Codex => Some(codex_template()),
        AgentKind::Pi => Some(pi_template()),
        AgentKind::Acp => None,
    }
}

#[async_trait]
impl Templates for SandboxTemplates {
    async fn ensure(&self, agent: AgentKind, report: Report<'_>) -> Result<ReadyTemplate, Failure> {
        let spec = shipped(agent).ok_or_else(|| {
            Failure::new(
                FailureClass::Template,
                format!("No template ships for the agent `{agent}`: nobody knows where its program comes from."),
            )
        })?;
        let told = Told {
            report,
            percent: AtomicU64::new(u64::MAX),
        };
        let template = self.store.ensure(&spec, &told).await.map_err(|error| {
            tracing::error!(template = spec.name, "could not be built: {}", chain(&error));
            Failure::new(FailureClass::Template, sentence(&chain(&error)))
        })?;
        let agent_version = template.versions.get(agent.as_str()).cloned().unwrap_or_default();
        Ok(ReadyTemplate {
            digest: template.digest.as_str().to_owned(),
            layers: template.layers,
            agent_version,
        })
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
