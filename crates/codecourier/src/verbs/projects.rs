//! `codecourier projects`: the projects at a server: listed, made, changed, chosen, deleted and brought back.

use clap::{Args, Subcommand};
use codecourier_wire::projects::{CreateProject, Project, UpdateProject};
use serde_json::json;

use super::answer::{self, Listing};
use crate::client::Client;
use crate::client::credentials::Credentials;
use crate::client::place::{ServerChoice, sound_slug};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::table::Cell;
use crate::terminal::{Tone, time};
use crate::watch::Output;

/// The most projects that are listed.
const MOST: usize = 10_000;

/// The arguments of `projects`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<ProjectsVerb>,
    #[command(flatten)]
    server: ServerChoice,
}

#[derive(Debug, Subcommand)]
enum ProjectsVerb {
    /// List the projects you are in
    List {
        /// Those that were deleted and can be restored
        #[arg(long)]
        deleted: bool,
    },
    /// Show a project
    Show {
        /// Its name in addresses [default: the one that is worked in]
        slug: Option<String>,
    },
    /// Make a project
    Create {
        /// Its name
        name: String,
        /// Its name in addresses [default: made of the name]
        #[arg(long)]
        slug: Option<String>,
        /// What it is
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// The URL of its repository
        #[arg(long, value_name = "URL")]
        repository: Option<String>,
        /// The branch that runs start from
        #[arg(long, value_name = "NAME")]
        default_branch: Option<String>,
    },
    /// Change a project's name, slug, description or repository
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Update {
        /// Its name in addresses
        slug: String,
        /// Another name
        #[arg(long, group = "change")]
        name: Option<String>,
        /// Another name in addresses; the old one leads there from then on
        #[arg(long, value_name = "SLUG", group = "change")]
        new_slug: Option<String>,
        /// Another description
        #[arg(long, value_name = "TEXT", group = "change")]
        description: Option<String>,
        /// The URL of another repository; empty for none
        #[arg(long, value_name = "URL", group = "change")]
        repository: Option<String>,
        /// Another branch that runs start from; empty for the repository's own default
        #[arg(long, value_name = "NAME", group = "change")]
        default_branch: Option<String>,
    },
    /// Choose the project that verbs work in when none is named
    Use {
        /// Its name in addresses
        slug: String,
    },
    /// Delete a project; it can be restored for a while
    Delete {
        /// Its name in addresses
        slug: String,
        /// The project's name, to be sure that this one is meant
        #[arg(long, value_name = "NAME")]
        confirm: String,
    },
    /// Restore a deleted project
    Restore {
        /// Its name in addresses
        slug: String,
    },
}

/// Does it.
pub(crate) async fn projects(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments { verb, server } = arguments;
    let client = server.client(config)?;
    match verb.unwrap_or(ProjectsVerb::List { deleted: false }) {
        ProjectsVerb::List { deleted } => list(&client, deleted, config, output).await,
        ProjectsVerb::Show { slug } => {
            let slug = slug.or_else(|| config.client.project.clone());
            let Some(slug) = slug.or(chosen(&client, config)?) else {
                return Err(Problem::usage("No project is named.").with_remedy("`codecourier projects` lists them."));
            };
            let project: Project = client.get(&address(slug)?).await?;
            Ok(answer::show("project", &project, details(&project), config, output))
        }
        ProjectsVerb::Create {
            name,
            slug,
            description,
            repository,
            default_branch,
        } => {
            let request = CreateProject {
                name,
                slug,
                description,
                repository,
                default_branch,
            };
            let project: Project = client.post("/projects", &request).await?;
            let words = format!(
                "made the project {} ({1}); `codecourier projects use {1}` works in it",
                project.name, project.slug
            );
            Ok(answer::done(
                &words,
                &answer::object("project", &project),
                config,
                output,
            ))
        }
        ProjectsVerb::Update {
            slug,
            name,
            new_slug,
            description,
            repository,
            default_branch,
        } => {
            let or_none = |text: String| (!text.is_empty()).then_some(text);
            let request = UpdateProject {
                name,
                slug: new_slug,
                description,
                repository: repository.map(or_none),
                default_branch: default_branch.map(or_none),
            };
            let before = slug.clone();
            let path = address(slug)?;
            let (_, revision) = client.get_revised::<Project>(&path).await?;
            let project: Project = client.patch_revised(&path, &request, &revision).await?;
            if chosen(&client, config)?.as_deref() == Some(before.as_str()) {
                keep(&client, &project.slug, config)?;
            }
            let words = format!("changed the project {} ({})", project.name, project.slug);
            Ok(answer::done(
                &words,
                &answer::object("project", &project),
                config,
                output,
            ))
        }
        ProjectsVerb::Use { slug } => choose(&client, slug, config, output).await,
        ProjectsVerb::Delete { slug, confirm } => {
            let path = address(slug.clone())?;
            client.delete_of(&path, &[("name", confirm)]).await?;
            let words = format!("deleted the project {slug}; `codecourier projects restore {slug}` brings it back");
            let object = json!({ "type": "projectDeleted", "project": slug });
            Ok(answer::done(&words, &object, config, output))
        }
        ProjectsVerb::Restore { slug } => {
            let path = format!("{}/restore", address(slug)?);
            let project: Project = client.post(&path, &json!({})).await?;
            let words = format!("the project {} ({}) is back", project.name, project.slug);
            Ok(answer::done(
                &words,
                &answer::object("project", &project),
                config,
                output,
            ))
        }
    }
}

fn address(slug: String) -> Result<String, Problem> {
    Ok(format!("/projects/{}", sound_slug(slug)?))
}

async fn list(client: &Client, deleted: bool, config: &Config, output: Output) -> Result<Exit, Problem> {
    let filter: &[(&str, String)] = if deleted {
        &[("deleted", "true".to_owned())]
    } else {
        &[]
    };
    let projects: Vec<Project> = client.list_of("/projects", filter, MOST).await?;
    let chosen = chosen(client, config)?;
    let row = |project: &Project| {
        let is_chosen = chosen.as_deref() == Some(project.slug.as_str());
        let purge = project.deletion.as_ref().map_or_else(String::new, |deletion| {
            format!("gone for good on {}", time::local(deletion.purge_at.into()))
        });
        vec![
            (
                Tone::Usable,
                format!("{} {}", if is_chosen { "*" } else { " " }, project.slug),
            ),
            (Tone::Quiet, project.role.to_string()),
            (Tone::Plain, project.name.clone()),
            (Tone::Quiet, purge),
        ]
    };
    let listing = Listing {
        kind: "project",
        nothing: if deleted {
            "No project of yours was deleted."
        } else {
            "You are in no project yet; `codecourier projects create NAME` makes one."
        },
    };
    Ok(listing.show(&projects, row, config, output))
}

fn details(project: &Project) -> Vec<Vec<Cell>> {
    let none = || "none".to_owned();
    let mut rows = vec![
        answer::pair("name", &project.name),
        answer::pair("slug", &project.slug),
        answer::pair("about", &project.description),
        answer::pair("repository", project.repository.clone().unwrap_or_else(none)),
        answer::pair("branch", project.default_branch.clone().unwrap_or_default()),
        answer::pair("id", project.id.to_string()),
        answer::pair("your role", project.role.to_string()),
        answer::pair("made", time::local(project.created_at.into())),
        answer::pair("changed", time::local(project.updated_at.into())),
    ];
    rows.retain(|row| row.iter().all(|(_, cell)| !cell.is_empty()));
    rows
}

/// The project that is worked in at a server when none is named.
fn chosen(client: &Client, config: &Config) -> Result<Option<String>, Problem> {
    let credentials = Credentials::read(config)?;
    let entry = credentials.servers.get(client.url());
    Ok(entry.and_then(|entry| entry.project.clone()))
}

/// Remembers the project to work in. Gives whether there was a place for it.
fn keep(client: &Client, slug: &str, config: &Config) -> Result<bool, Problem> {
    let mut credentials = Credentials::read(config)?;
    let Some(entry) = credentials.servers.get_mut(client.url()) else {
        return Ok(false);
    };
    entry.project = Some(slug.to_owned());
    credentials.write(config)?;
    Ok(true)
}

async fn choose(client: &Client, slug: String, config: &Config, output: Output) -> Result<Exit, Problem> {
    // Asked for first: a slip of the keyboard is told now and not at the next run.
    let project: Project = client.get(&address(slug)?).await?;
    if !keep(client, &project.slug, config)? {
        return Err(
            Problem::usage("The credential comes from the environment, and nothing is kept for it.")
                .with_remedy("Set CODECOURIER_PROJECT."),
        );
    }
    let words = format!(
        "verbs work in the project {} at {} from now on",
        project.slug,
        client.url()
    );
    let object = json!({ "type": "projectChosen", "url": client.url(), "project": project.slug });
    Ok(answer::done(&words, &object, config, output))
}
