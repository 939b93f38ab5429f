//! Built templates for tests, from one cache that all test processes of this checkout share (`target/testdata`).
//!
//! The first test that asks builds (about half a minute); the others wait for it, then it costs nothing. Whoever needs a
//! data directory of their own puts the layers of the result into its `SandboxSpec`: layers are never written.

use std::path::{Path, PathBuf};

use codecourier_domain::agent::AgentKind;
use codecourier_sandbox::templates::{self, NoProgress, Template, TemplateSpec, TemplateStore};

/// Debian with Git and Python: what tests of sandboxes start from.
pub async fn base_template() -> Result<Template, templates::Error> {
    ensure(&templates::base_template()).await
}

/// The base with Node.js and Claude Code.
pub async fn claude_template() -> Result<Template, templates::Error> {
    ensure(&templates::claude_template()).await
}

/// The template of an agent that ships.
pub async fn template_of(agent: AgentKind) -> Result<Template, templates::Error> {
    match agent {
        AgentKind::Claude => claude_template().await,
        AgentKind::Codex => ensure(&templates::codex_template()).await,
        AgentKind::Opencode => ensure(&templates::opencode_template()).await,
        AgentKind::Pi => ensure(&templates::pi_template()).await,
        // None ships for whatever is started by a command of its own.
        AgentKind::Acp => base_template().await,
    }
}

/// The template of Claude Code in another data directory: for tests as another user, who cannot use the layers of this one.
pub async fn claude_template_in(data: &Path) -> Result<Template, templates::Error> {
    let store = TemplateStore::open(data)?;
    store.ensure(&templates::claude_template(), &NoProgress).await
}

/// The data directory that all tests share. Only layers belong in it.
#[must_use]
pub fn shared_data_directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/testdata"))
}

async fn ensure(spec: &TemplateSpec) -> Result<Template, templates::Error> {
    TemplateStore::open(shared_data_directory())?
        .ensure(spec, &NoProgress)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_templates_stand_on_the_same_base() {
        let (base, claude) = (base_template().await.unwrap(), claude_template().await.unwrap());
        assert_eq!(base.layers[..], claude.layers[..1]);
        assert!(claude.layers[2].rootfs().join("usr/local/bin/claude").exists());
    }
}
