//! `codecourier variables`: the environment variables that a project gives its sandboxes.
//!
//! Invariant: the value of a secret one is read from standard input or asked for, and never is an argument.

use clap::{Args, Subcommand};
use codecourier_wire::secret::SecretText;
use codecourier_wire::variables::{CreateVariable, UpdateVariable, Variable};
use serde_json::json;

use super::answer::{self, Listing};
use super::secret_input;
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::remote::Remote;
use crate::terminal::{Tone, time};
use crate::watch::Output;
use codecourier_engine::ErrorCode;

/// The most variables that are listed.
const MOST: usize = 10_000;
/// The longest value, which the server knows better.
const LONGEST: usize = 64 * 1024;

/// The arguments of `variables`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<VariablesVerb>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum VariablesVerb {
    /// List the variables; secret ones without their values
    List,
    /// Set variables: `NAME=VALUE` for plain ones, `--secret NAME` with the value on standard input for a secret one
    Set {
        /// Plain variables
        #[arg(value_name = "NAME=VALUE", required_unless_present = "secret")]
        plain: Vec<String>,
        /// A secret variable, whose value is read from standard input or asked for
        #[arg(long, value_name = "NAME")]
        secret: Option<String>,
    },
    /// Remove variables
    #[command(visible_alias = "unset")]
    Remove {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// Does it.
pub(crate) async fn variables(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let remote = arguments.place.remote(config)?;
    match arguments.verb.unwrap_or(VariablesVerb::List) {
        VariablesVerb::List => {
            let listing = Listing {
                kind: "variable",
                nothing: "There are no variables yet; `codecourier variables set NAME=VALUE` sets one.",
            };
            Ok(listing.show(&all(&remote).await?, row, config, output))
        }
        VariablesVerb::Set { plain, secret } => {
            let plain = plain.iter().map(|text| match text.split_once('=') {
                Some((name, value)) => Ok((name.to_owned(), SecretText::new(value.to_owned()), false)),
                None => Err(
                    Problem::usage(format!("`{text}` is not NAME=VALUE.")).with_remedy(format!(
                        "A secret is set with: codecourier variables set --secret {text}"
                    )),
                ),
            });
            let mut wanted: Vec<(String, SecretText, bool)> = plain.collect::<Result<_, _>>()?;
            if let Some(name) = secret {
                let value = secret_input::read(&format!("Value of {name}"), LONGEST).await?;
                config.secrets.add(value.expose());
                wanted.push((name, SecretText::new(value.expose().to_owned()), true));
            }
            let known = all(&remote).await?;
            for (name, value, secret) in wanted {
                let set = set(&remote, known.iter().find(|one| one.name == name), name, value, secret).await?;
                let kind = if secret { "secret variable" } else { "variable" };
                let words = format!("set the {kind} {}", set.name);
                answer::done(&words, &answer::object("variable", &set), config, output);
            }
            Ok(Exit::Completed)
        }
        VariablesVerb::Remove { names } => {
            let known = all(&remote).await?;
            for name in names {
                let Some(variable) = known.iter().find(|one| one.name == name) else {
                    let message = format!("The project {} has no variable `{name}`.", remote.project);
                    return Err(Problem::of_code(ErrorCode::NotFound, message)
                        .with_remedy("`codecourier variables` lists them."));
                };
                let path = remote.path(&format!("/variables/{}", variable.id));
                remote.client.delete(&path).await?;
                let object = json!({ "type": "variableRemoved", "name": name });
                answer::done(&format!("removed the variable {name}"), &object, config, output);
            }
            Ok(Exit::Completed)
        }
    }
}

async fn all(remote: &Remote) -> Result<Vec<Variable>, Problem> {
    remote.client.list(&remote.path("/variables"), MOST).await
}

async fn set(
    remote: &Remote,
    known: Option<&Variable>,
    name: String,
    value: SecretText,
    secret: bool,
) -> Result<Variable, Problem> {
    match known {
        None => {
            let request = CreateVariable { name, value, secret };
            remote.client.post(&remote.path("/variables"), &request).await
        }
        Some(known) => {
            // What was a secret stays one, unless it is replaced by a plain value on purpose.
            let request = UpdateVariable {
                value: Some(value),
                secret: (known.secret != secret).then_some(secret),
            };
            let path = remote.path(&format!("/variables/{}", known.id));
            remote.client.patch(&path, &request).await
        }
    }
}

fn row(variable: &Variable) -> Vec<(Tone, String)> {
    let (tone, value) = match &variable.value {
        Some(value) => (Tone::Plain, value.clone()),
        None => (Tone::Quiet, "(secret)".to_owned()),
    };
    vec![
        (Tone::Usable, variable.name.clone()),
        (Tone::Quiet, time::local(variable.updated_at.into())),
        (tone, value),
    ]
}
