//! `codecourier login`: sign in to a server, and keep the credential for the verbs that talk to it.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use clap::Args;
use codecourier_wire::server::Server;
use serde_json::{Value, json};

use super::whoami;
use crate::client::Client;
use crate::client::credentials::{Credentials, Entry};
use crate::client::place::canonical;
use crate::config::Config;
use crate::config::value::Secret;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;

/// The longest credential that is read.
const LONGEST: usize = 16 * 1024;

/// The arguments of `login`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The server's address [default: the last one signed in to]
    url: Option<String>,
    /// Read an API key, or another token, from standard input
    #[arg(long)]
    token_stdin: bool,
    /// The project to work in when none is named
    #[arg(long, value_name = "SLUG")]
    project: Option<String>,
}

/// Signs in.
pub(crate) async fn login(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments {
        url,
        token_stdin,
        project,
    } = arguments;
    let mut credentials = Credentials::read(config)?;
    let url = url
        .or_else(|| config.client.url.clone())
        .or_else(|| credentials.default.clone());
    let url = url.ok_or_else(|| Problem::usage("Name the server: codecourier login https://…"))?;
    let url = canonical(&url)?;
    let client = Client::new(&url, None)?;
    let server: Server = client.get("/server").await?;
    let token = if token_stdin {
        token_from_standard_input()?
    } else {
        sign_in(&client, &server).await?
    };
    config.secrets.add(token.expose());
    let client = Client::new(&url, Some(token.clone()))?;
    let me = whoami::ask(&client).await?;
    let project = match project {
        Some(slug) => Some(crate::client::place::sound_slug(slug)?),
        None => only_project(&client).await,
    };
    let who = me.words();
    credentials.add(
        &url,
        Entry {
            token: token.expose().to_owned(),
            who: who.clone(),
            project: project.clone(),
        },
    );
    credentials.write(config)?;
    match output {
        Output::Json => {
            data::json(&json!({ "type": "signedIn", "url": url, "who": who, "project": project }));
        }
        Output::People => {
            let mut screen = Screen::standard_error(config);
            screen.line(
                &Tone::Good
                    .line("✓ ")
                    .and(Tone::Plain, &format!("signed in to {url} as {who}")),
            );
            screen.line(&Tone::Quiet.line(&match project {
                Some(slug) => format!("`codecourier run` and the rest work in the project {slug} from now on"),
                None => "`codecourier projects use` chooses the project to work in".to_owned(),
            }));
        }
    }
    Ok(Exit::Completed)
}

fn token_from_standard_input() -> Result<Secret, Problem> {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(LONGEST as u64).read_line(&mut line);
    read.map_err(|error| Problem::usage(format!("The token cannot be read from standard input: {error}.")))?;
    let token = line.trim();
    let is_sound = !token.is_empty() && token.chars().all(|character| character.is_ascii_graphic());
    if !is_sound {
        return Err(Problem::usage("What is on standard input is no token.")
            .with_remedy("Give the key alone, as in: codecourier login URL --token-stdin < key-file"));
    }
    Ok(Secret::new(token.to_owned()))
}

async fn sign_in(client: &Client, server: &Server) -> Result<Secret, Problem> {
    if !std::io::stdin().is_terminal() {
        return Err(Problem::usage("There is no terminal to ask for a password at.")
            .with_remedy("Make an API key in the project's settings, and give it with --token-stdin."));
    }
    if !server.password_sign_in {
        return Err(Problem::usage(format!("{} takes no passwords.", client.url()))
            .with_remedy("Make an API key in the project's settings, and give it with --token-stdin."));
    }
    // Prompts wait for a person: the runtime's other threads go on.
    let asked = tokio::task::spawn_blocking(|| {
        let email = inquire::Text::new("Email").prompt()?;
        let password = inquire::Password::new("Password")
            .without_confirmation()
            .with_display_mode(inquire::PasswordDisplayMode::Hidden)
            .prompt()?;
        Ok::<_, inquire::InquireError>((email, password))
    });
    let asked = asked
        .await
        .map_err(|error| Problem::internal("Asking for the password", &error))?;
    let (email, password) = asked.map_err(|error| Problem::usage(format!("Nobody was signed in: {error}.")))?;
    let request = json!({ "email": email.trim(), "password": password, "delivery": "token" });
    let answer: Value = client.post("/auth/sign-in", &request).await?;
    match answer.get("token").and_then(Value::as_str) {
        Some(token) => Ok(Secret::new(token.to_owned())),
        None => Err(Problem::usage(format!(
            "{} gave no token for a command line.",
            client.url()
        ))),
    }
}

/// The slug of the only project, if there is exactly one.
async fn only_project(client: &Client) -> Option<String> {
    let projects: Vec<Value> = client.list("/projects", 2).await.ok()?;
    match projects.as_slice() {
        [only] => only.get("slug").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}
