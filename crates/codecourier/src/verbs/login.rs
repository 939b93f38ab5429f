//! `codecourier login`: sign in to a server, and keep the credential for the verbs that talk to it.
//!
//! On a fresh server the account that is made here is its operator's. Invariant: a password is asked for at the terminal
//! or read from standard input; it never is an argument, which every user of the machine could see.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use clap::Args;
use codecourier_domain::time::Clock as _;
use codecourier_engine::clock::SystemClock;
use codecourier_wire::accounts::{Delivery, NewSession, SignInRequest, SignUpRequest, SignUpResult};
use codecourier_wire::secret::SecretText;
use codecourier_wire::server::Server;
use serde_json::{Value, json};

use super::{answer, whoami};
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
    /// Make an account first; on a server without any this is done by itself
    #[arg(long, conflicts_with = "token_stdin")]
    sign_up: bool,
    /// The code of an invitation, for a new account on a server that sends no mail
    #[arg(long, value_name = "CODE", requires = "sign_up")]
    invitation_code: Option<String>,
    /// The address of the account, instead of asking for it
    #[arg(long, value_name = "ADDRESS", conflicts_with = "token_stdin")]
    email: Option<String>,
    /// What people call you, instead of asking for it
    #[arg(long, value_name = "NAME", conflicts_with = "token_stdin")]
    name: Option<String>,
    /// Read the password from standard input, instead of asking for it
    #[arg(long, requires = "email", conflicts_with = "token_stdin")]
    password_stdin: bool,
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
        sign_up,
        invitation_code,
        email,
        name,
        password_stdin,
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
        takes_passwords(&client, &server)?;
        let account = if sign_up || server.needs_operator {
            Account::New
        } else {
            Account::Known
        };
        let given = Given {
            email,
            name,
            password: password_stdin.then(password_from_standard_input).transpose()?,
            invitation_code,
        };
        match enter(&client, ask(account, given, &server, config).await?, config).await? {
            Entered::With(token) => token,
            Entered::ByMail { email } => {
                let words = format!("A message is on its way to {email}. Follow its link, then sign in here.");
                let object = json!({ "type": "signUpMailed", "url": url, "email": email });
                return Ok(answer::done(&words, &object, config, output));
            }
        }
    };
    config.secrets.add(token.expose());
    let client = Client::new(&url, Some(token.clone()))?;
    let me = whoami::ask(&client).await?;
    let project = match project {
        Some(slug) => Some(crate::client::place::sound_slug(slug)?),
        None => only_project(&client, &me).await,
    };
    let who = me.words();
    credentials.add(
        &url,
        Entry {
            token: token.expose().to_owned(),
            who: who.clone(),
            project: project.clone(),
            renewed_at: Some(SystemClock.now().milliseconds()),
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

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    /// There is one.
    Known,
    /// It is made now.
    New,
}

/// What the command line says of an account. The rest is asked for.
struct Given {
    email: Option<String>,
    name: Option<String>,
    password: Option<Secret>,
    invitation_code: Option<String>,
}

/// How one enters.
enum Entrance {
    SignIn(SignInRequest),
    SignUp(SignUpRequest),
}

fn takes_passwords(client: &Client, server: &Server) -> Result<(), Problem> {
    if server.password_sign_in {
        return Ok(());
    }
    Err(Problem::usage(format!("{} takes no passwords.", client.url()))
        .with_remedy("Make an API key in the project's settings, and give it with --token-stdin."))
}

/// Asks a person for what the command line does not say.
async fn ask(account: Account, given: Given, server: &Server, config: &Config) -> Result<Entrance, Problem> {
    let is_known = given.email.is_some() && given.password.is_some();
    let lacks = !is_known || (account == Account::New && given.name.is_none());
    if lacks && !std::io::stdin().is_terminal() {
        return Err(Problem::usage("There is no terminal to ask at.").with_remedy(
            "Give --email and --password-stdin (for a new account also --name), or an API key with --token-stdin.",
        ));
    }
    if lacks && account == Account::New && server.needs_operator {
        let line = format!("{} has no account yet. The one you make now runs it.", server.name);
        Screen::standard_error(config).line(&Tone::Plain.line(&line));
    }
    // Prompts wait for a person: the runtime's other threads go on.
    let asked = tokio::task::spawn_blocking(move || prompt(account, given)).await;
    let asked = asked.map_err(|error| Problem::internal("Asking for the password", &error))?;
    asked.map_err(|error| Problem::usage(format!("Nobody was signed in: {error}.")))
}

fn prompt(account: Account, given: Given) -> Result<Entrance, inquire::InquireError> {
    let Given {
        email,
        name,
        password,
        invitation_code,
    } = given;
    let email = email.map_or_else(|| inquire::Text::new("Email").prompt(), Ok)?;
    let email = email.trim().to_owned();
    let hidden = inquire::PasswordDisplayMode::Hidden;
    let delivery = Delivery::Token;
    match account {
        Account::Known => {
            let password = match password {
                Some(password) => password.expose().to_owned(),
                None => inquire::Password::new("Password")
                    .without_confirmation()
                    .with_display_mode(hidden)
                    .prompt()?,
            };
            Ok(Entrance::SignIn(SignInRequest {
                email,
                password: SecretText::new(password),
                delivery,
            }))
        }
        Account::New => {
            let name = name.map_or_else(|| inquire::Text::new("Name").prompt(), Ok)?;
            let password = match password {
                Some(password) => password.expose().to_owned(),
                None => inquire::Password::new("Password")
                    .with_help_message("at least 10 characters")
                    .with_custom_confirmation_message("Once more")
                    .with_custom_confirmation_error_message("That was another one")
                    .with_display_mode(hidden)
                    .prompt()?,
            };
            Ok(Entrance::SignUp(SignUpRequest {
                email,
                name: name.trim().to_owned(),
                password: SecretText::new(password),
                invitation_code: invitation_code.map(SecretText::new),
                delivery,
            }))
        }
    }
}

/// How far one got.
enum Entered {
    /// In, with the session's token.
    With(Secret),
    /// To a message with a link in it.
    ByMail {
        /// Where it went.
        email: String,
    },
}

async fn enter(client: &Client, entrance: Entrance, config: &Config) -> Result<Entered, Problem> {
    let session = match entrance {
        Entrance::SignIn(request) => {
            config.secrets.add(request.password.expose());
            client.post::<_, NewSession>("/auth/sign-in", &request).await?
        }
        Entrance::SignUp(request) => {
            config.secrets.add(request.password.expose());
            match client.post("/auth/sign-up", &request).await? {
                SignUpResult::SignedIn { session } => *session,
                SignUpResult::AnsweredByMail => return Ok(Entered::ByMail { email: request.email }),
            }
        }
    };
    match session.token {
        Some(token) => Ok(Entered::With(Secret::new(token.expose().to_owned()))),
        None => Err(Problem::usage(format!(
            "{} gave no token for a command line.",
            client.url()
        ))),
    }
}

fn password_from_standard_input() -> Result<Secret, Problem> {
    let line = line_of_standard_input("password")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Problem::usage("There is no password on standard input."));
    }
    Ok(Secret::new(password.to_owned()))
}

fn token_from_standard_input() -> Result<Secret, Problem> {
    let line = line_of_standard_input("token")?;
    let token = line.trim();
    let is_sound = !token.is_empty() && token.chars().all(|character| character.is_ascii_graphic());
    if !is_sound {
        return Err(Problem::usage("What is on standard input is no token.")
            .with_remedy("Give the key alone, as in: codecourier login URL --token-stdin < key-file"));
    }
    Ok(Secret::new(token.to_owned()))
}

fn line_of_standard_input(what: &str) -> Result<String, Problem> {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(LONGEST as u64).read_line(&mut line);
    read.map_err(|error| Problem::usage(format!("The {what} cannot be read from standard input: {error}.")))?;
    Ok(line)
}

/// The slug of the only project that the credential opens, if there is exactly one.
async fn only_project(client: &Client, me: &whoami::Me) -> Option<String> {
    if let Some(slug) = me.only_project() {
        return Some(slug.to_owned());
    }
    let projects: Vec<Value> = client.list("/projects", 2).await.ok()?;
    match projects.as_slice() {
        [only] => only.get("slug").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}
