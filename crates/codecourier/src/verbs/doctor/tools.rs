//! Tools and templates: what building and running needs besides the kernel.

use codecourier_forge::Git;
use codecourier_sandbox::templates::{TemplateStore, claude_template};

use super::Finding;
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::spawn;

const TOOLS: &str = "tools";
const TEMPLATES: &str = "templates";

/// Looks for tools and templates.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![git(config).await];
    let template = template(config);
    // Once the template is built its tools are not needed any more.
    let is_built = template.state == super::Standing::Works;
    findings.push(builder(config, is_built));
    findings.push(npm(config, is_built));
    findings.push(template);
    findings
}

async fn git(config: &Config) -> Finding {
    let found = match Git::find(config.git()) {
        Ok(git) => match git.version().await {
            Ok(version) => Ok(format!("{version} ({})", git.program().display())),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match found {
        Ok(found) => Finding::works(TOOLS, "git", found),
        Err(error) => Finding::missing(TOOLS, "git", error.to_string())
            .with_remedy("Install Git 2.39 or newer: apt-get install git"),
    }
}

fn builder(config: &Config, is_built: bool) -> Finding {
    let name = "mmdebstrap or debootstrap";
    for program in ["mmdebstrap", "debootstrap"] {
        if let Some(version) = version(config, program) {
            return Finding::works(TOOLS, name, version);
        }
    }
    lacking(name, is_built, "apt-get install mmdebstrap")
}

fn npm(config: &Config, is_built: bool) -> Finding {
    match (version(config, "npm"), version(config, "node")) {
        (Some(npm), node) => {
            let node = node.map_or(String::new(), |node| format!(", node {node}"));
            Finding::works(TOOLS, "npm", format!("{npm}{node}"))
        }
        (None, _) => lacking("npm", is_built, "Install Node.js with npm: https://nodejs.org"),
    }
}

fn lacking(name: &str, is_built: bool, remedy: &str) -> Finding {
    if is_built {
        Finding::note(TOOLS, name, "not found; only needed to build templates")
    } else {
        Finding::missing(TOOLS, name, "not found, and the template has to be built").with_remedy(remedy)
    }
}

fn version(config: &Config, program: &str) -> Option<String> {
    let path = spawn::find(program, &config.search_path)?;
    let root = std::path::Path::new("/");
    let ended = spawn::run(&path, &["--version"], root, &config.search_path, &[]).ok()?;
    let line = ended.stdout.lines().next().unwrap_or_default().trim().to_owned();
    ended.is_success.then_some(line)
}

fn template(config: &Config) -> Finding {
    let spec = claude_template();
    let name = format!("template {}", spec.name);
    let directory = DataDirectory::at(&config.data_directory);
    let store = match TemplateStore::open(directory.path()) {
        Ok(store) => store,
        Err(error) => return Finding::missing(TEMPLATES, name, error.to_string()),
    };
    match store.find(&spec) {
        Ok(Some(template)) => {
            let versions: Vec<String> = template
                .versions
                .iter()
                .map(|(program, version)| format!("{program} {version}"))
                .collect();
            Finding::works(TEMPLATES, name, format!("built: {}", versions.join(", ")))
        }
        Ok(None) => Finding::note(
            TEMPLATES,
            name,
            "not built yet: the first run or `codecourier demo` builds it, once, in about a minute",
        ),
        Err(error) => Finding::degraded(TEMPLATES, name, codecourier_engine::error::chain(&error)),
    }
}
