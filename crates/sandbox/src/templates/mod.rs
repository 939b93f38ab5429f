//! Templates: what a sandbox's root file system starts from, as content-addressed layers shared read-only by every
//! sandbox of the host. The engine asks for a template before a run, `doctor` checks them, tests share one.
//!
//! A template is a list of steps (a Debian base, Node.js, an agent's CLI, a setup script). Each step becomes one layer,
//! `<data>/layers/<digest>/{rootfs/, manifest.json, build.log}`, whose digest covers the step and everything below it:
//! a new CLI version rebuilds one small layer, a changed base rebuilds all.
//!
//! Invariants: a directory named by a digest is complete, because it gets that name by a rename after a sync; one
//! process builds a layer while the others wait; nothing downloaded is unpacked before its checksum was compared with
//! the pinned one, and no agent CLI is kept that does not answer with the pinned version; no secret or address of this
//! host (package mirror, proxy, resolver) is left in a layer.

mod build;
mod check;
mod debian;
mod digest;
mod error;
mod identity;
mod log;
mod manifest;
mod npm;
mod progress;
mod setup;
mod shipped;
mod spawn;
mod spec;
mod store;
mod sweep;
mod unpack;

pub use digest::{InvalidLayerDigest, LayerDigest};
pub use error::{BuildFailure, Error, FailureCause};
pub use manifest::{Layer, Template};
pub use progress::{NoProgress, Progress, Stage};
pub use setup::SetupSandbox;
pub use shipped::{
    CLAUDE_CODE_VERSION, CODEX_VERSION, NODE_VERSION, OPENCODE_VERSION, PI_VERSION, base_template, claude_template,
    codex_template, opencode_template, pi_template,
};
pub use spec::{AgentCli, DebianBase, Extent, Node, NpmPackage, SetupScript, TemplateSpec};
pub use store::TemplateStore;
pub use sweep::{LayerProblem, Swept};
