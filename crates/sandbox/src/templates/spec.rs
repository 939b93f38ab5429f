//! What a template is made of: plain data that is hashed, stored in manifests and compared. Anyone may build one.
//!
//! Invariant: a field that changes what a layer contains is in its spec, so that it changes the layer's digest.

use serde::{Deserialize, Serialize};

use super::digest::LayerDigest;

/// A template to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSpec {
    /// Its name, for people and logs; not part of any digest.
    pub name: String,
    /// The operating system.
    pub base: DebianBase,
    /// Node.js, when the agent or the projects need it.
    pub node: Option<Node>,
    /// The agent's command-line program.
    pub agent_cli: Option<AgentCli>,
    /// What the template's owner wants done on top.
    pub setup_script: Option<SetupScript>,
}

/// A small Debian system with an ordinary user `user` (uid 1000, `/home/user`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebianBase {
    /// The release's code name, such as `bookworm`.
    pub suite: String,
    /// Packages beside the minimal set.
    pub packages: Vec<String>,
}

/// Node.js and npm, from the packages that npm's registry has of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The package that holds `bin/node`.
    pub runtime: NpmPackage,
    /// The package `npm`, which carries its own dependencies.
    pub npm: Option<NpmPackage>,
}

/// An agent's program inside a package of npm's registry, installed as `/usr/local/bin/<command>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCli {
    /// What it is called in the sandbox.
    pub command: String,
    /// The package.
    pub package: NpmPackage,
    /// Where the program lies in the package, such as `claude`.
    pub program: String,
    /// How much of the package is installed.
    #[serde(default, skip_serializing_if = "Extent::is_program")]
    pub extent: Extent,
    /// What the program says its version is, where that is not the package's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says_version: Option<String>,
}

/// How much of a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// The program alone: it needs nothing beside itself.
    #[default]
    Program,
    /// All of it, in `/usr/local/lib/<command>`, with a link to the program: it looks for what lies beside it.
    Package,
}

impl Extent {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    const fn is_program(&self) -> bool {
        matches!(self, Self::Program)
    }
}

impl AgentCli {
    /// The version that the program must answer with.
    #[must_use]
    pub fn version(&self) -> &str {
        self.says_version.as_deref().unwrap_or(&self.package.version)
    }
}

/// One exact version of a package in npm's registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NpmPackage {
    /// Its name, with the scope.
    pub name: String,
    /// Its exact version; a range or a tag is refused by the check of the integrity.
    pub version: String,
    /// The checksum of its archive as npm writes it: `sha512-<base64>`.
    pub integrity: String,
}

/// A shell script that is run as root in a sandbox made of the layers below; what it changes becomes the top layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupScript {
    /// The script, for `/bin/bash`.
    pub script: String,
}

/// One step of a template: what one layer is built by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Debian(DebianBase),
    Node(Node),
    AgentCli(AgentCli),
    SetupScript(SetupScript),
}

/// Everything that decides what is in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LayerSpec {
    /// The version of the recipes in this module: raised when one of them changes what it makes.
    pub(super) recipe: u32,
    pub(super) architecture: String,
    /// Digests of the layers below, lowest first.
    pub(super) parents: Vec<LayerDigest>,
    pub(super) step: Step,
}

/// See [`LayerSpec::recipe`].
pub(super) const RECIPE: u32 = 1;

impl TemplateSpec {
    /// The steps, lowest layer first.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Debian(self.base.clone())];
        steps.extend(self.node.clone().map(Step::Node));
        steps.extend(self.agent_cli.clone().map(Step::AgentCli));
        steps.extend(self.setup_script.clone().map(Step::SetupScript));
        steps
    }

    /// The layers, lowest first, each with its digest. Pure: nothing is looked up.
    pub(super) fn layers(&self) -> Vec<(LayerDigest, LayerSpec)> {
        let mut layers: Vec<(LayerDigest, LayerSpec)> = Vec::new();
        for step in self.steps() {
            let spec = LayerSpec {
                recipe: RECIPE,
                architecture: std::env::consts::ARCH.to_owned(),
                parents: layers.iter().map(|(digest, _)| digest.clone()).collect(),
                step,
            };
            layers.push((LayerDigest::of(&spec), spec));
        }
        layers
    }

    /// The digest that names the whole template: that of its top layer.
    #[must_use]
    pub fn digest(&self) -> LayerDigest {
        match self.layers().pop() {
            Some((digest, _)) => digest,
            None => unreachable!("a template has at least its base"),
        }
    }
}

impl Step {
    /// What a person calls this step.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Debian(base) => format!("Debian {}", base.suite),
            Self::Node(node) => format!("Node.js {}", node.runtime.version),
            Self::AgentCli(cli) => format!("{} {}", cli.command, cli.version()),
            Self::SetupScript(_) => "setup script".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::templates::{base_template, claude_template, codex_template, opencode_template, pi_template};

    #[test]
    fn a_new_cli_version_changes_the_top_layer_only() {
        let old = claude_template();
        let mut new = claude_template();
        new.agent_cli.as_mut().unwrap().package.version = "9.9.9".to_owned();

        let (old, new) = (old.layers(), new.layers());
        assert_eq!(old[0].0, new[0].0);
        assert_eq!(old[1].0, new[1].0);
        assert_ne!(old[2].0, new[2].0);
    }

    #[test]
    fn a_changed_base_changes_every_layer() {
        let old = claude_template().layers();
        let mut new = claude_template();
        new.base.packages.push("jq".to_owned());

        assert!(old.iter().zip(new.layers()).all(|((old, _), (new, _))| *old != new));
    }

    #[test]
    fn every_agents_template_shares_the_layers_below_its_program() {
        let claude = claude_template().layers();
        for other in [codex_template(), opencode_template(), pi_template()] {
            let layers = other.layers();
            assert_eq!(layers[..2], claude[..2], "{}", other.name);
            assert_ne!(layers[2].0, claude[2].0, "{}", other.name);
        }
    }

    #[test]
    fn the_name_is_not_part_of_the_digest() {
        let mut renamed = base_template();
        renamed.name = "another".to_owned();
        assert_eq!(renamed.digest(), base_template().digest());
    }

    #[test]
    fn the_base_template_is_the_lowest_layer_of_the_claude_template() {
        assert_eq!(base_template().digest(), claude_template().layers()[0].0);
    }
}
