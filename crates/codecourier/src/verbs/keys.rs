//! `codecourier keys`: the API keys of a project at a server, and the master key of a data directory.

use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use codecourier_domain::id::ApiKeyId;
use codecourier_domain::permission::Permission;
use codecourier_engine::clock::SystemClock;
use codecourier_engine::vault::{MasterKeySource, Vault, renew_key_file, rotate};
use codecourier_wire::keys::{ApiKey, ApiKeyStatus, CreateApiKey, CreatedApiKey, RotateApiKey};
use serde_json::json;

use super::answer::{self, Listing};
use super::load;
use super::run::parse_time;
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::exit::Exit;
use crate::logging;
use crate::platform;
use crate::problem::Problem;
use crate::remote::Remote;
use crate::terminal::table::Cell;
use crate::terminal::{Screen, Tone, data, time};
use crate::watch::Output;

/// The most keys that are listed.
const MOST: usize = 10_000;

/// The arguments of `keys`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: KeysVerb,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// List the project's API keys
    List,
    /// Make an API key; it is shown once, on standard output
    Create {
        /// What people call it
        name: String,
        /// What it may do, such as runs:write; may be given several times
        #[arg(long = "may", value_name = "PERMISSION", required = true)]
        permissions: Vec<String>,
        /// How long it is good: 12h, 86400s [default: without an end]
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
    },
    /// End an API key at once
    Revoke {
        /// The key's identifier
        key: ApiKeyId,
    },
    /// Make a successor of an API key; both are good for a while
    Rotate {
        /// The key's identifier
        key: ApiKeyId,
        /// For how long both are good
        #[arg(long, value_name = "TIME", default_value = "24h")]
        overlap: String,
    },
    /// Seal every secret of this machine's data directory with a new master key; the server must not run
    RotateMaster,
}

/// Does it.
pub(crate) async fn keys(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments { verb, place } = arguments;
    if let KeysVerb::RotateMaster = verb {
        return rotate_master(config, output).await;
    }
    logging::start(config, logging::Target::StandardError)?;
    let remote = place.remote(config)?;
    match verb {
        KeysVerb::List => list(&remote, config, output).await?,
        KeysVerb::Create {
            name,
            permissions,
            expires_in,
        } => {
            let permissions = permissions.iter().map(|text| parse_permission(text));
            let request = CreateApiKey {
                name,
                permissions: permissions.collect::<Result<_, _>>()?,
                expires_in_seconds: expires_in.as_deref().map(parse_time).transpose()?,
            };
            let made: CreatedApiKey = remote.client.post(&remote.path("/keys"), &request).await?;
            show_made(&made, config, output);
        }
        KeysVerb::Revoke { key } => {
            remote.client.delete(&remote.path(&format!("/keys/{key}"))).await?;
            let object = json!({ "type": "keyRevoked", "key": key });
            answer::done(
                &format!("the key {key} opens nothing any more"),
                &object,
                config,
                output,
            );
        }
        KeysVerb::Rotate { key, overlap } => {
            let request = RotateApiKey {
                overlap_seconds: parse_time(&overlap)?,
            };
            let path = remote.path(&format!("/keys/{key}/rotate"));
            let made: CreatedApiKey = remote.client.post(&path, &request).await?;
            show_made(&made, config, output);
        }
        KeysVerb::RotateMaster => {}
    }
    Ok(Exit::Completed)
}

async fn list(remote: &Remote, config: &Config, output: Output) -> Result<(), Problem> {
    let keys: Vec<ApiKey> = remote.client.list(&remote.path("/keys"), MOST).await?;
    let listing = Listing {
        kind: "key",
        nothing: "The project has no API keys yet; `codecourier keys create NAME --may runs:write` makes one.",
    };
    listing.show(&keys, row, config, output);
    Ok(())
}

fn row(key: &ApiKey) -> Vec<Cell> {
    let (tone, status) = match key.status {
        ApiKeyStatus::Active => (Tone::Good, "active"),
        ApiKeyStatus::Retiring => (Tone::Warning, "retiring"),
        ApiKeyStatus::Retired => (Tone::Quiet, "retired"),
        ApiKeyStatus::Expired => (Tone::Quiet, "expired"),
        ApiKeyStatus::Revoked => (Tone::Quiet, "revoked"),
    };
    let used = key.last_used_at.map_or_else(
        || "never used".to_owned(),
        |at| format!("last used {}", time::local(at.into())),
    );
    let permissions: Vec<String> = key.permissions.iter().map(ToString::to_string).collect();
    vec![
        (Tone::Usable, key.id.to_string()),
        (Tone::Quiet, format!("{}…", key.display_prefix)),
        (tone, status.to_owned()),
        (Tone::Plain, key.name.clone()),
        (Tone::Quiet, permissions.join(",")),
        (Tone::Quiet, used),
    ]
}

/// The token is data, and alone on standard output, so that it can go into a file.
fn show_made(made: &CreatedApiKey, config: &Config, output: Output) {
    match output {
        Output::Json => {
            data::json(&json!({ "type": "keyMade", "key": made.key, "token": made.token.expose() }));
        }
        Output::People => {
            data::bytes(format!("{}\n", made.token.expose()).as_bytes());
            let line = format!("This is the key {}. It is shown this once.", made.key.id);
            Screen::standard_error(config).line(&Tone::Warning.line(&line));
        }
    }
}

fn parse_permission(text: &str) -> Result<Permission, Problem> {
    text.parse().map_err(|_| {
        Problem::usage(format!("--may: `{text}` is no permission."))
            .with_remedy("A permission is a resource and `read` or `write`, such as runs:write or project:read.")
    })
}

async fn rotate_master(config: &Config, output: Output) -> Result<Exit, Problem> {
    if !config.has_records() {
        return Err(load::nothing_kept(config));
    }
    let directory = DataDirectory::at(&config.data_directory);
    logging::start(config, logging::Target::File(&directory.log()))?;
    let _lock = directory.lock("codecourier keys rotate-master")?;
    let failed = |error| Problem::from(codecourier_engine::Error::from(error));
    let source = config.master_keys(&directory)?;
    let ring = match &source {
        // The file gets a new key before the old ones; keys that come from elsewhere are renewed there.
        MasterKeySource::File(path) => renew_key_file(path).map_err(failed)?,
        MasterKeySource::Text { .. } | MasterKeySource::Command(_) => source.load().await.map_err(failed)?,
    };
    let vault = Vault::new(ring);
    let store = platform::open_store(config).await?;
    let progress = rotate::rotate(&store, &vault, &SystemClock, |_| ControlFlow::Continue(())).await;
    store.close().await;
    let progress = progress?;
    match output {
        Output::Json => {
            data::json(&json!({ "type": "result", "rotation": progress }));
        }
        Output::People => {
            let mut screen = Screen::standard_error(config);
            let sealed = time::plural(progress.resealed, "secret is", "secrets are");
            screen.line(
                &Tone::Good
                    .line("✓ ")
                    .and(Tone::Plain, &format!("{sealed} sealed with the new master key")),
            );
            if progress.unopened > 0 {
                let left = time::plural(progress.unopened, "secret cannot", "secrets cannot");
                let line = format!("{left} be opened with any of the keys that are given, and stay as they are.");
                screen.line(&Tone::Bad.line(&line));
            }
        }
    }
    Ok(if progress.unopened > 0 {
        Exit::Failed
    } else {
        Exit::Completed
    })
}
