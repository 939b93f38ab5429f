//! `agents`: which build of each agent's program ships, and moving to another one.
//!
//! `update` finds the build in npm's registry as the user's own npm reaches it, puts its pin into a copy of the working
//! tree, and runs the conformance suite there. Invariant: until the suite is green nothing of the repository is touched; then
//! the page of what the agents do is written, and the pin last, each whole or not at all. Run again after a kill, it does the
//! same again.

mod candidate;
mod pins;
mod registry;

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::candidate::{PAGE, Suite};
use self::pins::{AGENTS, Pin};
use self::registry::Registry;
use crate::{Outcome, setup, terminal, workspace};

#[derive(Args)]
pub(crate) struct Agents {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Shows what is pinned and what the registry has.
    Outdated,
    /// Moves pins to other versions, each after the conformance suite has passed with it.
    Update(Update),
}

#[derive(Args)]
struct Update {
    /// The agents to move; all, if none is named.
    #[arg(value_parser = AGENTS)]
    agents: Vec<String>,
    /// The version or the tag to move to; only with one agent.
    #[arg(long, default_value = "latest")]
    to: String,
}

/// Judges a candidate.
trait Gate {
    /// Runs everything that must hold with this pin. `pins` is the text of the file of pins with it. An error says what
    /// does not hold.
    fn prove(&self, agent: &str, pin: &Pin, pins: &str) -> Result<Proof, String>;
}

/// What comes of a candidate that passed.
struct Proof {
    /// The page of what the agents do, with it.
    page: Vec<u8>,
}

/// What became of a pin.
#[derive(Debug, PartialEq, Eq)]
enum Updated {
    /// It is the one that was asked for.
    WasPinned(String),
    /// It was another one.
    From(String, String),
}

impl Agents {
    pub(crate) fn run(&self) -> Outcome {
        match &self.verb {
            Verb::Outdated => outdated(&Registry::default()),
            Verb::Update(update) => update.run(),
        }
    }
}

fn outdated(registry: &Registry) -> Outcome {
    for agent in AGENTS {
        let pin = Pin::of(agent, &read_pins(&workspace::root())?)?;
        let newest = registry.version(&pin.package, "latest")?;
        let remark = if newest == pin.version {
            ""
        } else {
            ", not the pinned one"
        };
        terminal::note(&format!("{agent} {}; newest {newest}{remark}", pin.version));
    }
    Ok(())
}

impl Update {
    fn run(&self) -> Outcome {
        if self.to != "latest" && self.agents.len() != 1 {
            return Err("`--to` needs one agent: each has versions of its own".to_owned());
        }
        setup::run()?;
        let target = workspace::target_directory(&workspace::metadata()?);
        let place = target.join("agents");
        let _alone = alone(&place)?;
        let suite = Suite { place, target };
        let agents = match self.agents.as_slice() {
            [] => AGENTS.map(str::to_owned).to_vec(),
            named => named.to_vec(),
        };
        let (root, registry) = (workspace::root(), Registry::default());
        let mut kept = Vec::new();
        for agent in &agents {
            match update(&root, agent, &self.to, &registry, &suite) {
                Ok(Updated::WasPinned(version)) => terminal::note(&format!("{agent} {version} is pinned already")),
                Ok(Updated::From(old, new)) => {
                    terminal::note(&format!(
                        "{agent} {old} -> {new}: {} and {PAGE} are written",
                        pins::FILE
                    ));
                    terminal::note("look at the difference, and run `cargo xtask test` before it is committed");
                }
                Err(why) => {
                    terminal::error(&format!("{agent} stays as it is: {why}"));
                    kept.push(agent.as_str());
                }
            }
        }
        if kept.is_empty() {
            Ok(())
        } else {
            Err(format!("not updated: {}", kept.join(", ")))
        }
    }
}

/// Moves the pin of one agent in the repository at `root`, if the gate lets it.
fn update(root: &Path, agent: &str, wanted: &str, registry: &Registry, gate: &dyn Gate) -> Result<Updated, String> {
    terminal::heading(&format!("{agent}: asking the registry"));
    let text = read_pins(root)?;
    let old = Pin::of(agent, &text)?;
    let version = registry.version(&old.package, wanted)?;
    let build = old.build_of(&version);
    let new = Pin {
        integrity: registry.integrity(&old.package, &build)?,
        package: old.package.clone(),
        build,
        version,
    };
    if new == old {
        return Ok(Updated::WasPinned(old.version));
    }
    if new.build == old.build {
        return Err(format!(
            "the registry now has other bytes as {}@{}: pinned {}, found {}",
            old.package, old.build, old.integrity, new.integrity
        ));
    }
    terminal::note(&format!("{}@{} {}", new.package, new.build, new.integrity));
    let proof = gate.prove(agent, &new, &new.put(agent, &text)?)?;
    // The repository may have gone on meanwhile: only this agent's pin is put into it. The pin comes last, so that a kill
    // before it leaves the old one, and the next time does the same again.
    pins::replace(&root.join(PAGE), &proof.page)?;
    pins::replace(&root.join(pins::FILE), new.put(agent, &read_pins(root)?)?.as_bytes())?;
    Ok(Updated::From(old.version, new.version))
}

fn read_pins(root: &Path) -> Result<String, String> {
    std::fs::read_to_string(root.join(pins::FILE)).map_err(|error| format!("{}: {error}", pins::FILE))
}

/// The right to work in the directory of candidates, until it is dropped.
fn alone(place: &PathBuf) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", place.display());
    std::fs::create_dir_all(place).map_err(failed)?;
    let lock = File::create(place.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => Err("another `cargo xtask agents update` is at work".to_owned()),
    }
}

#[cfg(test)]
mod tests;
