//! `codecourier whoami`: who one is to a server.

use clap::Args;
use codecourier_wire::accounts::Account;
use codecourier_wire::whoami::Whoami;
use serde_json::json;

use crate::client::Client;
use crate::client::place::ServerChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Tone, data};
use crate::watch::Output;

/// The arguments of `whoami`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerChoice,
}

/// Who one is.
pub(super) struct Me {
    answer: Whoami,
    /// A person's email address, where they may see it.
    email: Option<String>,
}

/// Shows it.
pub(crate) async fn whoami(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let client = arguments.server.client(config)?;
    let me = ask(&client).await?;
    match output {
        Output::Json => {
            let who = json!(me.answer);
            data::json(&json!({ "type": "whoami", "url": client.url(), "email": me.email, "who": who }));
        }
        Output::People => {
            let mut lines = vec![
                Tone::Plain
                    .line(&me.words())
                    .and(Tone::Quiet, &format!(" at {}", client.url())),
            ];
            match &me.answer {
                Whoami::Person { operator: true, .. } => lines.push(Tone::Quiet.line("runs this server")),
                Whoami::Person { .. } => {}
                Whoami::ApiKey {
                    permissions,
                    project_slug,
                    ..
                } => {
                    let project = Tone::Quiet.line("of the project ").and(Tone::Usable, project_slug);
                    lines.push(project);
                    let words: Vec<String> = permissions.iter().map(ToString::to_string).collect();
                    lines.push(Tone::Quiet.line(&format!("may: {}", words.join(", "))));
                }
            }
            data::lines(config, &lines);
        }
    }
    Ok(Exit::Completed)
}

/// Asks the server.
pub(super) async fn ask(client: &Client) -> Result<Me, Problem> {
    let answer: Whoami = client.get("/whoami").await?;
    let account = match &answer {
        // An account that cannot be read is still somebody.
        Whoami::Person { .. } => client.get::<Account>("/account").await.ok(),
        Whoami::ApiKey { .. } => None,
    };
    let email = account.and_then(|account| account.email).map(|email| email.to_string());
    Ok(Me { answer, email })
}

impl Me {
    /// The slug of the one project that an API key opens.
    pub(super) fn only_project(&self) -> Option<&str> {
        match &self.answer {
            Whoami::ApiKey { project_slug, .. } => Some(project_slug),
            Whoami::Person { .. } => None,
        }
    }

    /// In a few words.
    pub(super) fn words(&self) -> String {
        match (&self.answer, &self.email) {
            (Whoami::Person { .. }, Some(email)) => email.clone(),
            (Whoami::Person { user_id, .. }, None) => user_id.to_string(),
            (Whoami::ApiKey { key_id, .. }, _) => format!("API key {key_id}"),
        }
    }
}
