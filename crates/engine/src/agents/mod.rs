//! The coding agents as people choose among them: what each can do, which models it knows, and whether it can work here.
//!
//! Called by the API and by the command line. Invariant: what is told here is what runs, workflows and settings are
//! checked by: the adapters' own account of what they can do, and the domain's of which models they reach.

pub mod acp;
mod list;
pub mod require;

pub use codecourier_agents::Capabilities;
pub use codecourier_agents::acp::{AcpCommand, InvalidAcpCommand};

pub use acp::AcpAgent;
pub use list::{AgentView, Agents, KeyPresence, KnownModel, Surroundings, describe, known_models};
