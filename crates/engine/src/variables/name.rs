//! Names of environment variables, and those that projects may not set. Pure.

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Why a name cannot be used, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameRefused {
    /// It is no name.
    #[error(
        "The name of a variable has 1 to 128 letters of the English alphabet, digits and underscores, and does not begin \
         with a digit."
    )]
    Shape,
    /// It is the platform's or the system's.
    #[error("`{name}` cannot be set: {reason}")]
    Reserved {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
}

const OF_THE_SYSTEM: &str = "it decides where programs are found and who they run as, and the sandbox sets it.";
const OF_THE_LINKER: &str = "it would load code into every program, the platform's own among them.";
const OF_SHELLS: &str = "it would change what every shell does, that of the platform's checks among them.";
const OF_THE_AGENT: &str = "the platform sets it so that the agent reaches its model through the gateway. Store the \
                            model's key as a provider key.";
const OF_GIT: &str = "it would change where the platform's own Git commands work.";
const OF_THE_PLATFORM: &str = "names that begin with `CODECOURIER_` are the platform's own.";

const RESERVED: [(&str, &str); 24] = [
    ("PATH", OF_THE_SYSTEM),
    ("HOME", OF_THE_SYSTEM),
    ("USER", OF_THE_SYSTEM),
    ("LOGNAME", OF_THE_SYSTEM),
    ("SHELL", OF_THE_SYSTEM),
    ("PWD", OF_THE_SYSTEM),
    ("OLDPWD", OF_THE_SYSTEM),
    ("SHLVL", OF_THE_SYSTEM),
    ("TMPDIR", OF_THE_SYSTEM),
    ("IFS", OF_SHELLS),
    ("ENV", OF_SHELLS),
    ("BASH_ENV", OF_SHELLS),
    ("BASHOPTS", OF_SHELLS),
    ("SHELLOPTS", OF_SHELLS),
    ("PROMPT_COMMAND", OF_SHELLS),
    ("PS4", OF_SHELLS),
    ("GIT_DIR", OF_GIT),
    ("GIT_WORK_TREE", OF_GIT),
    ("GIT_INDEX_FILE", OF_GIT),
    ("GIT_OBJECT_DIRECTORY", OF_GIT),
    ("OPENAI_API_KEY", OF_THE_AGENT),
    ("OPENAI_BASE_URL", OF_THE_AGENT),
    ("OPENROUTER_API_KEY", OF_THE_AGENT),
    ("DISABLE_AUTOUPDATER", OF_THE_AGENT),
];

const RESERVED_PREFIXES: [(&str, &str); 6] = [
    ("LD_", OF_THE_LINKER),
    ("BASH_FUNC_", OF_SHELLS),
    ("ANTHROPIC_", OF_THE_AGENT),
    ("CLAUDE_", OF_THE_AGENT),
    ("GIT_CONFIG_", OF_GIT),
    ("CODECOURIER_", OF_THE_PLATFORM),
];

/// Whether a project may set a variable of this name.
pub fn check_name(name: &str) -> Result<(), NameRefused> {
    let begins_well = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !begins_well || !is_plain || name.len() > MAX_NAME_BYTES {
        return Err(NameRefused::Shape);
    }
    let whole = RESERVED.iter().find(|(reserved, _)| *reserved == name);
    let reserved = whole.or_else(|| RESERVED_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)));
    match reserved {
        Some((_, reason)) => Err(NameRefused::Reserved {
            name: name.to_owned(),
            reason,
        }),
        None => Ok(()),
    }
}
