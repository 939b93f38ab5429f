//! What is checked before a run is recorded, so that a slip of the keyboard costs a second and leaves nothing behind.

use std::path::{Path, PathBuf};

use codecourier_domain::branch::BranchName;
use codecourier_domain::failure::FailureClass;
use codecourier_domain::provider::ModelProvider;
use codecourier_engine::ErrorCode;
use codecourier_engine::runs::spec::{ModelSource, RepositorySource, RunSpec};
use codecourier_forge::{Git, GitUrl, Source, inspect_local};
use codecourier_gateway::Cassette;

use crate::config::Config;
use crate::exit::Exit;
use crate::platform::Platform;
use crate::problem::Problem;
use codecourier_engine::error::sentence;

/// Finds out what `--repo` names. Looks, and fetches nothing.
pub(crate) async fn repository(config: &Config, text: &str) -> Result<RepositorySource, Problem> {
    let path = Path::new(text);
    let refused = |message: String| Problem::new(Exit::Usage, ErrorCode::Classed(FailureClass::Repository), message);
    if !path.exists() {
        if looks_like_url(text) {
            return match text.parse::<GitUrl>() {
                Ok(_) => Ok(RepositorySource::Url { url: text.to_owned() }),
                Err(error) => Err(refused(sentence(&error.to_string()))),
            };
        }
        return Err(refused(format!("There is no directory `{text}`.")).with_remedy(
            "--repo takes the path of a Git repository on this machine, or a Git URL such as \
             https://host/owner/name.git.",
        ));
    }
    let git = Git::find(config.git())?;
    git.version().await?;
    let state = inspect_local(&git, path).await?;
    let root = state.root.unwrap_or_else(|| path.to_owned());
    let root = root
        .canonicalize()
        .map_err(|error| Problem::file("look at the repository", &root, &error))?;
    Ok(RepositorySource::LocalPath { path: root })
}

fn looks_like_url(text: &str) -> bool {
    if text.contains("://") {
        return true;
    }
    // The short form of SSH: a host, a colon, a path.
    match text.split_once(':') {
        Some((host, rest)) => !host.is_empty() && !host.contains('/') && !rest.is_empty(),
        None => false,
    }
}

/// Fetches the repository and finds the branch to start from. Both are done again, and cost nothing, when the run is
/// prepared.
pub(crate) async fn base(
    platform: &Platform,
    repository: &RepositorySource,
    base: Option<&BranchName>,
) -> Result<(), Problem> {
    let source = match repository {
        RepositorySource::LocalPath { path } => Source::LocalPath(path.clone()),
        RepositorySource::Url { url } => Source::Url(
            url.parse()
                .map_err(|error: codecourier_forge::UrlRefused| Problem::usage(error.to_string()))?,
        ),
    };
    let project = platform.engine.project_of(repository).await?;
    let mirror = platform.mirrors.ensure(project, &source).await?;
    mirror.resolve_base(base).await?;
    Ok(())
}

/// Where the model's answers come from, checked: the key is there, the cassette can be read or written.
pub(crate) fn model_source(
    config: &Config,
    spec: &RunSpec,
    record: Option<&Path>,
    replay: Option<&Path>,
) -> Result<ModelSource, Problem> {
    if let Some(path) = replay {
        let cassette = absolute(path)?;
        Cassette::read(&cassette).map_err(|error| {
            Problem::new(
                Exit::Usage,
                ErrorCode::Classed(FailureClass::CassetteMismatch),
                codecourier_engine::error::chain(&error),
            )
            .with_remedy("--replay takes a cassette that `codecourier run --record` wrote.")
        })?;
        return Ok(ModelSource::Replay { cassette });
    }
    if let Some(provider) = missing_key(config, spec)? {
        return Err(Problem::environment(
            FailureClass::ProviderAuth,
            "There is no key for the model. Nothing was started.",
        )
        .with_remedy(format!("{} `codecourier demo` needs no key.", how_to_give(provider))));
    }
    match record {
        None => Ok(ModelSource::Live),
        Some(path) => {
            let cassette = absolute(path)?;
            let parent = cassette.parent().unwrap_or(Path::new("/"));
            if !parent.is_dir() {
                return Err(Problem::usage(format!(
                    "There is no directory {} to write the cassette into.",
                    parent.display()
                )));
            }
            if std::fs::metadata(&cassette).is_ok_and(|metadata| metadata.len() > 0) {
                return Err(Problem::usage(format!("{} is there already.", cassette.display()))
                    .with_remedy("Name another file, or delete this one."));
            }
            Ok(ModelSource::Record { cassette })
        }
    }
}

/// The provider of a run's models that nobody has given a key for.
pub(crate) fn missing_key(config: &Config, spec: &RunSpec) -> Result<Option<ModelProvider>, Problem> {
    let keys = config.model_keys()?;
    let mut providers = spec.providers().into_iter();
    Ok(providers.find(|provider| keys.of((*provider).into()).is_none()))
}

/// How a key is given to a command without a server.
pub(crate) const fn how_to_give(provider: ModelProvider) -> &'static str {
    match provider {
        ModelProvider::Anthropic => {
            "Set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN, with ANTHROPIC_BASE_URL for another endpoint)."
        }
        ModelProvider::Openai => {
            "Set OPENAI_API_KEY (or OPENAI_BASE_URL, for a server of your own that speaks like OpenAI's)."
        }
        ModelProvider::Openrouter => "Set OPENROUTER_API_KEY.",
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::file("find", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for url in [
            "https://host/a.git",
            "ssh://git@host/a",
            "git@host:a/b.git",
            "file:///srv/a",
        ] {
            assert!(looks_like_url(url), "{url}");
        }
        for path in ["a/b", "./a:b", "/srv/a", "name", ""] {
            assert!(!looks_like_url(path), "{path}");
        }
    }
}
