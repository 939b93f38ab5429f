//! `codecourier projects`: the projects at a server: listed, made, chosen.

use clap::{Args, Subcommand};
use codecourier_domain::member::MemberRole;
use codecourier_wire::projects::{CreateProject, Project};
use serde_json::json;

use crate::client::Client;
use crate::client::credentials::Credentials;
use crate::client::place::{ServerChoice, sound_slug};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Line, Screen, Tone, data};
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
    List,
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
    /// Choose the project that verbs work in when none is named
    Use {
        /// Its name in addresses
        slug: String,
    },
}

/// Does it.
pub(crate) async fn projects(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments { verb, server } = arguments;
    let client = server.client(config)?;
    match verb.unwrap_or(ProjectsVerb::List) {
        ProjectsVerb::List => list(&client, config, output).await?,
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
            match output {
                Output::Json => {
                    data::json(&project_json(&project));
                }
                Output::People => {
                    let mut screen = Screen::standard_error(config);
                    let line = format!("made the project {} ({})", project.name, project.slug);
                    screen.line(&Tone::Good.line("✓ ").and(Tone::Plain, &line));
                }
            }
        }
        ProjectsVerb::Use { slug } => choose(&client, sound_slug(slug)?, config, output).await?,
    }
    Ok(Exit::Completed)
}

async fn list(client: &Client, config: &Config, output: Output) -> Result<(), Problem> {
    let projects: Vec<Project> = client.list("/projects", MOST).await?;
    if output == Output::Json {
        for project in &projects {
            if data::json(&project_json(project)) == data::Reader::Gone {
                break;
            }
        }
        return Ok(());
    }
    let credentials = Credentials::read(config)?;
    let chosen = credentials
        .servers
        .get(client.url())
        .and_then(|entry| entry.project.as_deref());
    let widest = projects.iter().map(|project| project.slug.len()).max().unwrap_or(0);
    let lines: Vec<Line> = projects
        .iter()
        .map(|project| {
            let is_chosen = chosen == Some(project.slug.as_str());
            Tone::Good
                .line(if is_chosen { "* " } else { "  " })
                .and(Tone::Usable, &format!("{:widest$}", project.slug))
                .and(Tone::Quiet, &format!("  {:6}", role_word(project.role)))
                .and(Tone::Plain, &format!("  {}", project.name))
        })
        .collect();
    data::lines(config, &lines);
    Ok(())
}

async fn choose(client: &Client, slug: String, config: &Config, output: Output) -> Result<(), Problem> {
    // Asked for first: a slip of the keyboard is told now and not at the next run.
    let project: Project = client.get(&format!("/projects/{slug}")).await?;
    let mut credentials = Credentials::read(config)?;
    let Some(entry) = credentials.servers.get_mut(client.url()) else {
        return Err(
            Problem::usage("The credential comes from the environment, and nothing is kept for it.")
                .with_remedy("Set CODECOURIER_PROJECT."),
        );
    };
    entry.project = Some(project.slug.clone());
    credentials.write(config)?;
    match output {
        Output::Json => {
            data::json(&json!({ "type": "projectChosen", "url": client.url(), "project": project.slug }));
        }
        Output::People => {
            let line = format!(
                "Verbs work in the project {} at {} from now on.",
                project.slug,
                client.url()
            );
            Screen::standard_error(config).line(&Tone::Plain.line(&line));
        }
    }
    Ok(())
}

fn project_json(project: &Project) -> serde_json::Value {
    json!({ "type": "project", "project": project })
}

const fn role_word(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Owner => "owner",
        MemberRole::Admin => "admin",
        MemberRole::Member => "member",
    }
}
