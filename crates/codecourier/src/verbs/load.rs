//! What verbs that only read share: the records of the data directory, and a run that the command line names.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_engine::ErrorCode;
use codecourier_engine::records::Records;
use codecourier_engine::runs::view::RunView;

use crate::config::Config;
use crate::exit::Exit;
use crate::platform;
use crate::problem::Problem;

/// A run by name, with the records it is in.
pub(super) struct Loaded {
    pub(super) records: Records,
    pub(super) project: ProjectId,
    pub(super) run: RunId,
    pub(super) view: RunView,
}

/// Finds a run. Works while another process holds the data directory.
pub(super) async fn run(config: &Config, text: &str) -> Result<Loaded, Problem> {
    let Some(records) = platform::open_records(config).await? else {
        return Err(nothing_kept(config));
    };
    let (project, run) = records.find(text).await?;
    let view = records.get(project, run).await?;
    Ok(Loaded {
        records,
        project,
        run,
        view,
    })
}

/// There is no data directory yet.
pub(super) fn nothing_kept(config: &Config) -> Problem {
    Problem::new(
        Exit::Usage,
        ErrorCode::NotFound,
        format!("There are no runs in {} yet.", config.data_directory.display()),
    )
    .with_remedy("Start one with `codecourier run`, or see `codecourier demo`. --data-dir names another directory.")
}
