//! `codecourier provider-keys`: the keys that a project has for outside services.
//!
//! Invariant: a key is read from standard input or asked for, and never is an argument.

use clap::{Args, Subcommand};
use codecourier_domain::provider::Provider;
use codecourier_wire::provider_keys::{ProviderKey, ProviderKeyCheck, ProviderKeyVerdict, SetProviderKey};
use codecourier_wire::secret::SecretText;
use serde_json::json;

use super::answer::{self, Listing};
use super::secret_input;
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data, time};
use crate::watch::Output;

/// The most keys that are listed.
const MOST: usize = 1_000;
/// The longest key, which the server knows better.
const LONGEST: usize = 16 * 1024;

/// The arguments of `provider-keys`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<ProviderKeysVerb>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum ProviderKeysVerb {
    /// List the services that the project has a key for
    List,
    /// Set or replace a key, which is read from standard input or asked for
    Set {
        /// The service: `e2b`, `anthropic`, `anthropic_token`, `openai`, `openrouter` or `github`
        provider: Provider,
    },
    /// Remove a key
    Remove {
        /// The service
        provider: Provider,
    },
    /// Ask the service whether it takes the key
    #[command(visible_alias = "check")]
    Validate {
        /// The service
        provider: Provider,
    },
}

/// Does it.
pub(crate) async fn provider_keys(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let remote = arguments.place.remote(config)?;
    let at = |provider: Provider| remote.path(&format!("/provider-keys/{provider}"));
    match arguments.verb.unwrap_or(ProviderKeysVerb::List) {
        ProviderKeysVerb::List => {
            let keys: Vec<ProviderKey> = remote.client.list(&remote.path("/provider-keys"), MOST).await?;
            let listing = Listing {
                kind: "providerKey",
                nothing: "The project has no provider keys yet; `codecourier provider-keys set anthropic` sets one.",
            };
            Ok(listing.show(&keys, row, config, output))
        }
        ProviderKeysVerb::Set { provider } => {
            let key = secret_input::read(&format!("Key for {provider}"), LONGEST).await?;
            config.secrets.add(key.expose());
            let request = SetProviderKey {
                key: SecretText::new(key.expose().trim().to_owned()),
            };
            let set: ProviderKey = remote.client.put(&at(provider), &request).await?;
            let words = format!("the key for {provider} that ends in {} is kept", set.last_four);
            Ok(answer::done(
                &words,
                &answer::object("providerKey", &set),
                config,
                output,
            ))
        }
        ProviderKeysVerb::Remove { provider } => {
            remote.client.delete(&at(provider)).await?;
            let object = json!({ "type": "providerKeyRemoved", "provider": provider });
            Ok(answer::done(
                &format!("the key for {provider} is gone"),
                &object,
                config,
                output,
            ))
        }
        ProviderKeysVerb::Validate { provider } => {
            let path = remote.path(&format!("/provider-keys/{provider}/validate"));
            let check: ProviderKeyCheck = remote.client.post(&path, &json!({})).await?;
            Ok(tell(&check, config, output))
        }
    }
}

fn tell(check: &ProviderKeyCheck, config: &Config, output: Output) -> Exit {
    let (tone, sign, words, exit) = match check.verdict {
        ProviderKeyVerdict::Valid => (Tone::Good, "✓ ", "takes the key", Exit::Completed),
        ProviderKeyVerdict::Refused => (Tone::Bad, "✗ ", "refuses the key", Exit::Failed),
        ProviderKeyVerdict::Unreachable => (Tone::Warning, "· ", "cannot be asked", Exit::Environment),
        ProviderKeyVerdict::Untried => (Tone::Quiet, "· ", "cannot be asked about such keys", Exit::Completed),
    };
    match output {
        Output::Json => {
            data::json(&answer::object("providerKeyCheck", check));
        }
        Output::People => {
            let reason = check
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            let words = format!("{} {words}{reason}", check.provider);
            Screen::standard_error(config).line(&tone.line(sign).and(Tone::Plain, &words));
        }
    }
    exit
}

fn row(key: &ProviderKey) -> Vec<(Tone, String)> {
    let used = key.last_used_at.map_or_else(
        || "never used".to_owned(),
        |at| format!("last used {}", time::local(at.into())),
    );
    vec![
        (Tone::Usable, key.provider.to_string()),
        (Tone::Plain, format!("…{}", key.last_four)),
        (Tone::Quiet, format!("set {}", time::local(key.set_at.into()))),
        (Tone::Quiet, used),
    ]
}
