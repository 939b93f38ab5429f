//! Which build of each agent's program ships: a package of npm's registry, its exact version and its checksum. Templates
//! install it; adapters name its version as the one they are tested with.
//!
//! Written by `cargo xtask agents update`, and by nobody else: it reads and replaces the texts below. Invariant: what
//! stands here has gone through the conformance suite.

/// One exact build of an agent's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentPin {
    /// The package that has the program and all it needs.
    pub package: &'static str,
    /// The package's exact version, which may name a platform besides.
    pub build: &'static str,
    /// The version that the program answers with.
    pub version: &'static str,
    /// The checksum of the package's archive as npm writes it: `sha512-<base64>`.
    pub integrity: &'static str,
}

/// Claude Code. The platform's own package carries the program itself: the wrapper package would only start Node.js to
/// find it, and stand between us and its signals and exit code.
pub const CLAUDE: AgentPin = AgentPin {
    package: "@anthropic-ai/claude-code-linux-x64",
    build: "2.1.330",
    version: "2.1.330",
    integrity: "sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==",
};

/// Codex. The builds for each platform are versions of the one package.
pub const CODEX: AgentPin = AgentPin {
    package: "@openai/codex",
    build: "0.169.0-linux-x64",
    version: "0.169.0",
    integrity: "sha512-o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww==",
};

/// OpenCode. The build that needs no AVX2: a template outlives the machine it was built on.
pub const OPENCODE: AgentPin = AgentPin {
    package: "opencode-linux-x64-baseline",
    build: "1.18.33",
    version: "1.18.33",
    integrity: "sha512-1KQGBiiDDeL/VHHbHkOvvFo8Jr97WT5+C1tear+p7IcDTnXgVHXqIjU4O4jM4mHQzykTP2i884FCnW5LDa+zCA==",
};

/// Pi. It carries a bundle of itself that needs none of the packages it names.
pub const PI: AgentPin = AgentPin {
    package: "@earendil-works/pi-coding-agent",
    build: "1.5.2",
    version: "1.5.2",
    integrity: "sha512-mUWI04rqF1Vd/m1q+Ps1XeWsTXEVvRUnsmRa83I3Dzua0Tx5bYS93imeqtIfrXf7PkkaR6ERz+AuQhIJlom5yA==",
};
