//! What a subscription asks for, out of a client's message.

use codecourier_engine::Error;
use codecourier_engine::live::Query;
use codecourier_wire::live::{ClientMessage, LiveArguments, LiveQuery};

/// What a subscription asks for.
pub(super) fn asked(id: &str, query: LiveQuery, args: LiveArguments) -> Result<Query, Error> {
    let LiveArguments { project, run, sandbox } = args;
    if id.is_empty() || id.len() > 64 {
        return Err(Error::validation("A subscription's name has 1 to 64 bytes.").of_field("id"));
    }
    let needed = |value: Option<String>, field: &str| {
        let name = field.trim_start_matches("args.");
        value.ok_or_else(|| Error::validation(format!("This query needs `{name}` in `args`.")).of_field(field))
    };
    let unneeded = |value: &Option<String>, field: &str| match value {
        None => Ok(()),
        Some(_) => Err(Error::validation("This query has no use for this argument.").of_field(field)),
    };
    match query {
        LiveQuery::ProjectChanges => {
            unneeded(&run, "args.run")?;
            unneeded(&sandbox, "args.sandbox")?;
            Ok(Query::Project {
                project: needed(project, "args.project")?,
            })
        }
        LiveQuery::RunEvents => {
            unneeded(&sandbox, "args.sandbox")?;
            Ok(Query::Run {
                project: needed(project, "args.project")?,
                run: needed(run, "args.run")?
                    .parse()
                    .map_err(|_| Error::not_found("There is no such run."))?,
            })
        }
        LiveQuery::SandboxUsage => {
            unneeded(&run, "args.run")?;
            Ok(Query::Sandbox {
                project: needed(project, "args.project")?,
                sandbox: needed(sandbox, "args.sandbox")?
                    .parse()
                    .map_err(|_| Error::not_found("There is no such sandbox."))?,
            })
        }
        LiveQuery::UserChanges | LiveQuery::InstallationChanges => {
            unneeded(&project, "args.project")?;
            unneeded(&run, "args.run")?;
            unneeded(&sandbox, "args.sandbox")?;
            Ok(match query {
                LiveQuery::InstallationChanges => Query::Installation,
                _ => Query::User,
            })
        }
    }
}

/// For fuzzing; see [`crate::fuzz`].
pub(crate) fn check_message(text: &str) -> Result<(), String> {
    let Ok(ClientMessage::Subscribe { id, query, args, .. }) = serde_json::from_str(text) else {
        return Ok(());
    };
    match asked(&id, query, args) {
        Ok(_) if id.is_empty() || id.len() > 64 => Err(format!("a name of {} bytes is taken", id.len())),
        _ => Ok(()),
    }
}
