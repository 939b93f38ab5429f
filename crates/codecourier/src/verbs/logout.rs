//! `codecourier logout`: end the session at a server, and forget its credential.

use clap::Args;
use serde_json::json;

use crate::client::Client;
use crate::client::credentials::Credentials;
use crate::client::place::canonical;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;

/// The arguments of `logout`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The server's address [default: the last one signed in to]
    url: Option<String>,
}

/// Signs out.
pub(crate) async fn logout(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let mut credentials = Credentials::read(config)?;
    let named = arguments.url.as_deref().map(canonical).transpose()?;
    let url = named.or_else(|| credentials.default.clone());
    let entry = url.as_deref().and_then(|url| credentials.remove(url));
    let (Some(url), Some(entry)) = (url, entry) else {
        return Err(Problem::usage("Nobody is signed in there."));
    };
    // The credential is forgotten whatever the server says: that is what was asked for.
    credentials.write(config)?;
    let is_session = entry.token.starts_with("ccs_");
    let ended = if is_session {
        let client = Client::new(&url, Some(entry.secret()))?;
        client.post_plain("/auth/sign-out", &json!({})).await
    } else {
        Ok(())
    };
    match output {
        Output::Json => {
            data::json(&json!({ "type": "signedOut", "url": url, "sessionEnded": is_session && ended.is_ok() }));
        }
        Output::People => {
            let mut screen = Screen::standard_error(config);
            screen.line(&Tone::Plain.line(&format!("Signed out of {url}.")));
            match (&ended, is_session) {
                (Err(problem), _) => screen.line(&Tone::Warning.line(&format!(
                    "The session could not be ended there, and ends by itself later: {}",
                    problem.message
                ))),
                (Ok(()), false) => {
                    screen.line(&Tone::Quiet.line("The API key itself still works; `codecourier keys revoke` ends it."))
                }
                (Ok(()), true) => {}
            }
        }
    }
    Ok(Exit::Completed)
}
