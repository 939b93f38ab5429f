//! What npm's registry has of a package. The user's own `npm` asks, because it knows their registry, proxy and
//! credentials; it runs no script and keeps nothing here.

use serde_json::Value;

use super::pins::{check_integrity, check_version};
use crate::spawn;

/// A registry.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// What npm is told besides what it knows: tests name a registry of their own.
    pub(super) settings: Vec<(&'static str, String)>,
}

impl Registry {
    /// The exact version that a version or a tag such as `latest` names.
    pub(super) fn version(&self, package: &str, wanted: &str) -> Result<String, String> {
        let name = format!("{package}@{wanted}");
        let said = self.npm(&["view", "--json", "--", &name, "version"])?;
        match serde_json::from_str(&said) {
            Ok(Value::String(version)) => check_version(&version).map(|()| version),
            Ok(Value::Array(_)) => Err(format!("{name} is more than one version: name one")),
            _ => Err(format!("the registry has no {name}")),
        }
    }

    /// The checksum of the archive of one exact version. The archive is downloaded for it, so that it is the checksum of what
    /// the registry gives, and npm refuses it when the registry itself states another one.
    pub(super) fn integrity(&self, package: &str, build: &str) -> Result<String, String> {
        let name = format!("{package}@{build}");
        let said = self.npm(&["pack", "--json", "--dry-run", "--ignore-scripts", "--", &name])?;
        let said: Value = serde_json::from_str(&said).map_err(|error| format!("npm pack {name}: {error}"))?;
        let packed = said.get(0).unwrap_or(&Value::Null);
        if packed["name"] != package || packed["version"] != build {
            return Err(format!(
                "asked for {name}, the registry gave {}@{}",
                packed["name"], packed["version"]
            ));
        }
        let integrity = packed["integrity"].as_str().unwrap_or_default();
        check_integrity(integrity).map(|()| integrity.to_owned())
    }

    fn npm(&self, arguments: &[&str]) -> Result<String, String> {
        let argv = [&["npm", "--loglevel=error", "--no-update-notifier"], arguments].concat();
        spawn::output_with(&argv, &self.settings)
    }
}
