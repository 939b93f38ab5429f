//! What a settings document may hold. Pure.
//!
//! Invariant: whatever is refused is refused with the path of the field, as clients write it.

use codecourier_agents::Ability;
use codecourier_domain::agent::AgentKind;
use codecourier_domain::limits::LimitOutOfRange;
use codecourier_domain::money::MicroUsd;

use super::document::{SessionConfig, SettingsDocument};
use crate::agents::AcpAgent;
use crate::agents::require::{Asked, can_be_started, require};
use crate::error::Error;
use crate::runs::spec::{validate_author, validate_checks};

/// The longest prompt, instructions file or script, in characters.
const MAX_TEXT_CHARACTERS: usize = 50_000;
/// The most names in a list of a session type.
const MAX_NAMES: usize = 50;
/// The longest such name, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// The most that a run may cost: a thousand dollars.
const MAX_RUN_BUDGET: MicroUsd = MicroUsd(1_000_000_000);

/// Checks a whole document, for a server that starts the agent `acp` like this.
pub(super) fn validate(document: &SettingsDocument, of_server: Option<&AcpAgent>) -> Result<(), Error> {
    // Destructured, so that nobody adds a field without thinking of its limits.
    let SettingsDocument {
        sandbox_prompt,
        instructions,
        discovery_prompt,
        git_author,
        checks,
        setup_script,
        agent,
        model,
        effort,
        acp,
        limits: _,
        run_budget,
        session_types,
    } = document;
    let texts = [
        ("sandboxPrompt", sandbox_prompt.as_deref().unwrap_or_default()),
        ("instructions", instructions),
        ("discoveryPrompt", discovery_prompt.as_deref().unwrap_or_default()),
        ("setupScript", setup_script),
    ];
    for (field, text) in texts {
        let length = text.chars().count();
        if length > MAX_TEXT_CHARACTERS {
            let message = format!("This text has {length} characters, and at most {MAX_TEXT_CHARACTERS} are taken.");
            return Err(Error::validation(message).of_field(field));
        }
        if text.contains('\0') {
            return Err(Error::validation("This text has a NUL character, which no file of text has.").of_field(field));
        }
    }
    validate_author(git_author).map_err(|error| within("gitAuthor", error))?;
    validate_checks(checks)?;
    if let Some(acp) = acp {
        acp.validate()?;
    }
    let acp = acp.as_ref().or(of_server);
    can_be_started(*agent, acp)?;
    let asked = Asked {
        model: model.as_ref(),
        effort: *effort,
        abilities: &[],
    };
    require(*agent, asked)?;
    if *run_budget <= MicroUsd::ZERO || *run_budget > MAX_RUN_BUDGET {
        let message = "The budget of a run is more than nothing and at most $1,000.";
        return Err(Error::validation(message).of_field("runBudgetMicroUsd"));
    }
    for (kind, config) in session_types {
        validate_session(config, *agent, acp).map_err(|error| within(&format!("sessionTypes.{kind}"), error))?;
    }
    Ok(())
}

fn validate_session(config: &SessionConfig, otherwise: AgentKind, acp: Option<&AcpAgent>) -> Result<(), Error> {
    let SessionConfig {
        agent,
        model,
        effort,
        template,
        contexts,
        skills,
        commands,
        scripts,
    } = config;
    let agent = agent.unwrap_or(otherwise);
    can_be_started(agent, acp)?;
    let wants_skills = (!skills.is_empty()).then_some(("skills", Ability::Skills));
    let wants_commands = (!commands.is_empty()).then_some(("commands", Ability::Commands));
    let abilities: Vec<_> = wants_skills.into_iter().chain(wants_commands).collect();
    let asked = Asked {
        model: model.as_ref(),
        effort: *effort,
        abilities: &abilities,
    };
    require(agent, asked)?;
    if let Some(template) = template {
        validate_name("template", template)?;
    }
    for (field, names) in [
        ("contexts", contexts),
        ("skills", skills),
        ("commands", commands),
        ("scripts", scripts),
    ] {
        if names.len() > MAX_NAMES {
            return Err(Error::validation(format!("At most {MAX_NAMES} can be named here.")).of_field(field));
        }
        for (index, name) in names.iter().enumerate() {
            validate_name(&format!("{field}.{index}"), name)?;
            if names[..index].contains(name) {
                let message = format!("`{name}` is named twice.");
                return Err(Error::validation(message).of_field(format!("{field}.{index}")));
            }
        }
    }
    Ok(())
}

/// Names of things become names of files in sandboxes.
fn validate_name(field: &str, name: &str) -> Result<(), Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_well && name.len() <= MAX_NAME_BYTES && name.bytes().all(is_plain) {
        return Ok(());
    }
    let message = "A name here has 1 to 64 letters, digits, hyphens, underscores or dots, and begins with a letter or \
                   digit.";
    Err(Error::validation(message).of_field(field))
}

/// The same error about a field inside another.
fn within(outer: &str, error: Error) -> Error {
    let field = match &error.field {
        Some(inner) => format!("{outer}.{inner}"),
        None => outer.to_owned(),
    };
    error.of_field(field)
}

impl From<LimitOutOfRange> for Error {
    fn from(error: LimitOutOfRange) -> Self {
        let field = format!("limits.{}", error.limit);
        // It begins with the field's name, as clients write it.
        Self::validation(format!("{error}.")).of_field(field)
    }
}
