//! The way to the model: whether there is a key, and where requests would go. Nothing is sent.

use super::Finding;
use crate::config::Config;

const MODEL: &str = "model";

/// Looks at what the environment says.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let key = match config.key() {
        Ok(Some((origin, _))) => {
            let told = config.explained.iter().find(|entry| entry.name == origin.setting());
            let source = told.map_or_else(String::new, |entry| entry.source.words());
            Finding::works(MODEL, "key", format!("present, from {source}"))
        }
        Err(problem) => Finding::missing(MODEL, "key", problem.message),
        Ok(None) => Finding::note(
            MODEL,
            "key",
            "none: only `codecourier demo` and `run --replay` work without one",
        )
        .with_remedy("Set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN) for `codecourier run`."),
    };
    let url = match &config.anthropic_base_url {
        Some(url) => Finding::works(MODEL, "base URL", format!("{url} (from ANTHROPIC_BASE_URL)")),
        None => Finding::works(MODEL, "base URL", "https://api.anthropic.com"),
    };
    let mut findings = vec![key, url];
    if config.outbound_proxy.is_some() {
        findings.push(Finding::note(
            MODEL,
            "proxy",
            "requests go through the proxy that the environment names",
        ));
    }
    findings
}
