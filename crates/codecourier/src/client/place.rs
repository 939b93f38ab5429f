//! Where a verb works: at a server, or in the data directory of this machine.
//!
//! Invariant: without a server configured and a project named, everything is as it was before there were servers.

use clap::Args;

use super::Client;
use super::credentials::Credentials;
use super::renewal::Kept;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::remote::Remote;
use codecourier_engine::ErrorCode;

/// Which server, for verbs that need one.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerChoice {
    /// The server [default: the last one signed in to, or `CODECOURIER_URL`]
    #[arg(long, global = true, value_name = "URL", help_heading = "Where")]
    pub(crate) server: Option<String>,
}

/// Which server and project, or none, for verbs that work with and without a server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceChoice {
    /// The server [default: the last one signed in to, or `CODECOURIER_URL`]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = "Where",
        conflicts_with = "local"
    )]
    server: Option<String>,
    /// The project on the server [default: `codecourier projects use`, or `CODECOURIER_PROJECT`]
    #[arg(
        long,
        global = true,
        value_name = "SLUG",
        help_heading = "Where",
        conflicts_with = "local"
    )]
    project: Option<String>,
    /// Work in the data directory of this machine, whatever server there is
    #[arg(long, global = true, help_heading = "Where")]
    local: bool,
}

/// Where.
pub(crate) enum Place {
    /// In the data directory of this machine.
    Local,
    /// In a project on a server.
    Remote(Remote),
}

impl PlaceChoice {
    /// Decides.
    pub(crate) fn decide(&self, config: &Config) -> Result<Place, Problem> {
        let Self { server, project, local } = self;
        let is_named = server.is_some() || project.is_some();
        if *local || (config.names_data_directory && !is_named) {
            return Ok(Place::Local);
        }
        let credentials = Credentials::read(config)?;
        let Some(chosen) = choose(server.as_deref(), config, &credentials) else {
            if is_named {
                return Err(no_server());
            }
            return Ok(Place::Local);
        };
        let kept = credentials.servers.get(&chosen).and_then(|entry| entry.project.clone());
        match project.clone().or_else(|| config.client.project.clone()).or(kept) {
            Some(project) => Ok(Place::Remote(Remote {
                client: client_of(&chosen, config, &credentials)?,
                project: sound_slug(project)?,
            })),
            None if server.is_some() => Err(no_project()),
            None => Ok(Place::Local),
        }
    }
}

impl PlaceChoice {
    /// The project on the server, for verbs that work nowhere else.
    pub(crate) fn remote(&self, config: &Config) -> Result<Remote, Problem> {
        match self.decide(config)? {
            Place::Remote(remote) => Ok(remote),
            // There is a server, or this says that there is none: what lacks is the project.
            Place::Local if !self.local => self.client(config).and(Err(no_project())),
            Place::Local => Err(no_server()),
        }
    }

    /// The server, whatever the project, for verbs about one's own account.
    pub(crate) fn client(&self, config: &Config) -> Result<Client, Problem> {
        let server = self.server.clone();
        ServerChoice { server }.client(config)
    }
}

impl ServerChoice {
    /// The client of the server, with its credential.
    pub(crate) fn client(&self, config: &Config) -> Result<Client, Problem> {
        let credentials = Credentials::read(config)?;
        let chosen = choose(self.server.as_deref(), config, &credentials).ok_or_else(no_server)?;
        client_of(&chosen, config, &credentials)
    }
}

/// The address of a server as credentials are kept under.
pub(crate) fn canonical(url: &str) -> Result<String, Problem> {
    Ok(Client::new(url, None)?.url().to_owned())
}

fn choose(named: Option<&str>, config: &Config, credentials: &Credentials) -> Option<String> {
    let chosen = named
        .map(str::to_owned)
        .or_else(|| config.client.url.clone())
        .or_else(|| credentials.default.clone())?;
    Some(canonical(&chosen).unwrap_or(chosen))
}

fn client_of(url: &str, config: &Config, credentials: &Credentials) -> Result<Client, Problem> {
    // The key of the environment is for the server of the environment, never for another one.
    let of_the_environment = config.client.url.as_deref().map(canonical).transpose()?;
    let from_environment = match (&config.client.api_key, of_the_environment) {
        (Some(key), Some(of)) if of == url => Some(key.clone()),
        (Some(key), None) if credentials.default.as_deref() == Some(url) => Some(key.clone()),
        _ => None,
    };
    let kept = || credentials.servers.get(url).map(super::credentials::Entry::secret);
    if let Some(credential) = from_environment {
        return Client::new(url, Some(credential));
    }
    let Some(credential) = kept() else {
        return Err(
            Problem::of_code(ErrorCode::AuthMissing, format!("Nobody is signed in to {url} here."))
                .with_remedy(format!("Sign in: codecourier login {url}")),
        );
    };
    Ok(Client::new(url, Some(credential))?.with_kept(Kept::of(config)))
}

fn no_project() -> Problem {
    Problem::usage("No project is named.").with_remedy(
        "Name it with --project; `codecourier projects` lists them, `codecourier projects use` chooses one.",
    )
}

fn no_server() -> Problem {
    Problem::new(Exit::Usage, ErrorCode::AuthMissing, "No server is configured.")
        .with_remedy("Sign in to one with `codecourier login URL`, or set CODECOURIER_URL and CODECOURIER_API_KEY.")
}

/// A slug becomes part of an address, so that nothing else may be in it.
pub(crate) fn sound_slug(slug: String) -> Result<String, Problem> {
    if slug.parse::<codecourier_domain::slug::Slug>().is_err() {
        return Err(Problem::usage(format!("`{slug}` is no project's slug."))
            .with_remedy("`codecourier projects` lists the projects with their slugs."));
    }
    Ok(slug)
}
