//! Runs: their status and state, what was pinned for them, and what they have used.
//!
//! Called by the engine. Invariants: what was pinned ([`Reader::run_body`]) never changes; the state is saved only over
//! the revision it was computed from; the totals are the sums of the ledger, kept in the same transactions.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Timestamp;
use codecourier_domain::usage::Tokens;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// A run to add.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its identifier; adding the same one twice changes nothing.
    pub id: RunId,
    /// Its project.
    pub project: ProjectId,
    /// Its status, normally pending.
    pub status: RunStatus,
    /// The name of its workflow.
    pub workflow: String,
    /// The beginning of its prompt, for lists.
    pub prompt_preview: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What was pinned for it. Never changes.
    pub body: Body,
    /// Its state.
    pub state: Body,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its identifier.
    pub id: RunId,
    /// Its project.
    pub project: ProjectId,
    /// Its status.
    pub status: RunStatus,
    /// The name of its workflow.
    pub workflow: String,
    /// The beginning of its prompt.
    pub prompt_preview: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What it has used.
    pub totals: RunTotals,
}

/// What a run has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunTotals {
    /// Requests to models that were settled.
    pub requests: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// Their cost.
    pub spent: MicroUsd,
    /// What requests under way may cost at most.
    pub reserved: MicroUsd,
}

/// A run with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What lists show.
    pub summary: RunSummary,
    /// How often the state was saved; [`Tx::save_run`] asks for it.
    pub revision: u64,
    /// The state.
    pub state: Body,
}

/// What of a run changes.
#[derive(Debug, Clone)]
pub struct RunUpdate {
    /// Its status.
    pub status: RunStatus,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its state.
    pub state: Body,
}

/// Whether an insert added a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It was not there before.
    New,
    /// It was there, and was left as it is.
    Existing,
}

/// Which runs of a project to list, newest first.
#[derive(Debug, Clone, Copy)]
pub struct RunList {
    /// Only those of this status.
    pub status: Option<RunStatus>,
    /// Where the page before ended.
    pub after: Option<PageCursor<RunId>>,
    /// How many to give at most.
    pub limit: u32,
}

/// Which runs of a project to look for.
#[derive(Debug, Clone)]
pub struct RunSearch {
    /// Only those of this status.
    pub status: Option<RunStatus>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those with this text in the preview of the prompt, whatever the case of ASCII letters.
    pub text: Option<String>,
    /// In which order.
    pub order: RunOrder,
    /// Where the page before ended.
    pub after: Option<PageCursor<RunId>>,
    /// How many to give at most.
    pub limit: u32,
}

/// How many runs of a status are counted: beyond that nobody reads the number.
pub const COUNTED_RUNS: u32 = 1_000;

/// The order of a list of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOrder {
    /// Newest first.
    NewestFirst,
    /// Oldest first.
    OldestFirst,
}

/// The columns that [`summary`] reads, more columns, and the rest of the statement.
macro_rules! select_run {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT r.id, r.project, r.status, r.workflow, r.prompt_preview, r.created_at, r.started_at, \
             r.finished_at, t.requests, t.input_tokens, t.output_tokens, t.cache_read_tokens, \
             t.cache_write_5m_tokens, t.cache_write_1h_tokens, t.spent, t.reserved",
            $more,
            " FROM run r JOIN run_total t ON t.run = r.id ",
            $rest
        )
    };
}

impl Tx {
    /// Adds a run.
    pub async fn insert_run(&mut self, run: &NewRun) -> Result<Inserted> {
        let statement = sql(
            "INSERT INTO run (id, project, status, workflow, prompt_preview, created_at, revision, state) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT (id) DO NOTHING",
        )
        .bind(run.id)
        .bind(run.project)
        .bind(run.status.as_str())
        .bind(run.workflow.as_str())
        .bind(run.prompt_preview.as_str())
        .bind(run.created_at)
        .bind(&run.state);
        if self.execute("insert a run", statement).await? == 0 {
            return match self.read().run(run.project, run.id).await? {
                Some(_) => Ok(Inserted::Existing),
                None => Err(Error::Taken { entity: "run" }),
            };
        }
        let body = sql("INSERT INTO run_body (run, project, body) VALUES ($1, $2, $3)");
        self.execute(
            "insert what is pinned for a run",
            body.bind(run.id).bind(run.project).bind(&run.body),
        )
        .await?;
        let total = sql(
            "INSERT INTO run_total (run, project, requests, input_tokens, output_tokens, cache_read_tokens, \
             cache_write_5m_tokens, cache_write_1h_tokens, spent, reserved) VALUES ($1, $2, 0, 0, 0, 0, 0, 0, 0, 0)",
        );
        self.execute("insert the totals of a run", total.bind(run.id).bind(run.project))
            .await?;
        let head = sql("INSERT INTO event_head (run, project, seq) VALUES ($1, $2, 0)");
        self.execute("insert the event log of a run", head.bind(run.id).bind(run.project))
            .await?;
        Ok(Inserted::New)
    }

    /// Saves a run over the revision that was read. Fails with [`Error::Stale`] if it was saved since.
    pub async fn save_run(&mut self, project: ProjectId, id: RunId, revision: u64, update: &RunUpdate) -> Result<()> {
        let statement = sql(
            "UPDATE run SET status = $4, started_at = $5, finished_at = $6, state = $7, \
             revision = revision + 1 WHERE project = $1 AND id = $2 AND revision = $3",
        )
        .bind(project)
        .bind(id)
        .bind(crate::sql::count(revision))
        .bind(update.status.as_str())
        .bind(update.started_at)
        .bind(update.finished_at)
        .bind(&update.state);
        if self.execute("save a run", statement).await? == 1 {
            return Ok(());
        }
        match self.read().run(project, id).await? {
            Some(_) => Err(Error::Stale { entity: "run" }),
            None => Err(Error::NotFound { entity: "run" }),
        }
    }
}

impl Reader<'_> {
    /// A run with its state.
    pub async fn run(&mut self, project: ProjectId, id: RunId) -> Result<Option<Run>> {
        let statement = sql(select_run!(
            ", r.revision, r.state",
            "WHERE r.project = $1 AND r.id = $2"
        ));
        let row = self
            .fetch_optional("read a run", statement.bind(project).bind(id))
            .await?;
        row.map(|row| {
            Ok(Run {
                summary: summary(&row)?,
                revision: row.count(SUMMARY_COLUMNS)?,
                state: row.body(SUMMARY_COLUMNS + 1)?,
            })
        })
        .transpose()
    }

    /// What was pinned for a run.
    pub async fn run_body(&mut self, project: ProjectId, id: RunId) -> Result<Option<Body>> {
        let statement = sql("SELECT body FROM run_body WHERE project = $1 AND run = $2")
            .bind(project)
            .bind(id);
        self.fetch_optional("read what is pinned for a run", statement)
            .await?
            .map(|row| row.body(0))
            .transpose()
    }

    /// A page of a project's runs, newest first.
    pub async fn runs(&mut self, project: ProjectId, list: RunList) -> Result<Page<RunSummary, RunId>> {
        const NEWEST: &str = select_run!(
            "",
            "WHERE r.project = $1 AND (r.created_at, r.id) < ($2, $3) ORDER BY r.created_at DESC, r.id DESC LIMIT $4"
        );
        const NEWEST_BY_STATUS: &str = select_run!(
            "",
            "WHERE r.project = $1 AND (r.created_at, r.id) < ($2, $3) AND r.status = $5 \
             ORDER BY r.created_at DESC, r.id DESC LIMIT $4"
        );
        let text = if list.status.is_some() {
            NEWEST_BY_STATUS
        } else {
            NEWEST
        };
        let (at, id) = list.after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let mut statement = sql(text)
            .bind(project)
            .bind(at)
            .bind(id)
            .bind(i64::from(list.limit) + 1);
        if let Some(status) = list.status {
            statement.push(status.as_str());
        }
        let rows = self.fetch_all("list the runs", statement).await?;
        let runs = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(runs, list.limit, |run| PageCursor {
            at: run.created_at,
            id: run.id,
        }))
    }

    /// A page of the runs of a project that fit. Without filters but the status, newest first, this is
    /// [`Reader::runs`]; else the project's runs are gone through in order, by the index of their times.
    pub async fn search_runs(&mut self, project: ProjectId, search: &RunSearch) -> Result<Page<RunSummary, RunId>> {
        const NEWEST: &str = select_run!(
            "",
            "WHERE r.project = $1 AND (r.created_at, r.id) < ($2, $3) AND ($5 = '' OR r.status = $5) \
             AND ($6 = '' OR r.workflow = $6) AND ($7 = '' OR lower(r.prompt_preview) LIKE $7 ESCAPE '!') \
             ORDER BY r.created_at DESC, r.id DESC LIMIT $4"
        );
        const OLDEST: &str = select_run!(
            "",
            "WHERE r.project = $1 AND (r.created_at, r.id) > ($2, $3) AND ($5 = '' OR r.status = $5) \
             AND ($6 = '' OR r.workflow = $6) AND ($7 = '' OR lower(r.prompt_preview) LIKE $7 ESCAPE '!') \
             ORDER BY r.created_at, r.id LIMIT $4"
        );
        let RunSearch {
            status,
            workflow,
            text,
            order,
            after,
            limit,
        } = search;
        if workflow.is_none() && text.is_none() && *order == RunOrder::NewestFirst {
            let list = RunList {
                status: *status,
                after: *after,
                limit: *limit,
            };
            return self.runs(project, list).await;
        }
        let (statement, end) = match order {
            RunOrder::NewestFirst => (NEWEST, Timestamp(i64::MAX)),
            RunOrder::OldestFirst => (OLDEST, Timestamp(i64::MIN)),
        };
        let (at, id) = after.map_or((end, String::new()), |after| (after.at, after.id.to_string()));
        let statement = sql(statement)
            .bind(project)
            .bind(at)
            .bind(id)
            .bind(i64::from(*limit) + 1)
            .bind(status.map_or("", RunStatus::as_str))
            .bind(workflow.as_deref().unwrap_or_default())
            .bind(text.as_deref().map_or_else(String::new, containing));
        let rows = self.fetch_all("search the runs", statement).await?;
        let runs = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(runs, *limit, |run| PageCursor {
            at: run.created_at,
            id: run.id,
        }))
    }

    /// How many runs of a status a project has; [`COUNTED_RUNS`] for as many or more.
    pub async fn count_runs(&mut self, project: ProjectId, status: RunStatus) -> Result<u64> {
        let statement =
            sql("SELECT count(*) FROM (SELECT 1 FROM run WHERE project = $1 AND status = $2 LIMIT $3) AS counted")
                .bind(project)
                .bind(status.as_str())
                .bind(i64::from(COUNTED_RUNS));
        self.fetch_optional("count the runs", statement)
            .await?
            .map_or(Ok(0), |row| row.count(0))
    }

    /// Every run of every project that has not ended, oldest first: what a starting server has to look at.
    pub async fn unfinished_runs(&mut self) -> Result<Vec<RunSummary>> {
        let statement = sql(select_run!(
            "",
            "WHERE r.finished_at IS NULL ORDER BY r.created_at, r.id"
        ));
        self.fetch_all("list the unfinished runs", statement)
            .await?
            .iter()
            .map(summary)
            .collect()
    }

    /// What a run has used so far.
    pub async fn run_totals(&mut self, project: ProjectId, id: RunId) -> Result<Option<RunTotals>> {
        let statement = sql(
            "SELECT requests, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, \
             cache_write_1h_tokens, spent, reserved FROM run_total WHERE project = $1 AND run = $2",
        );
        let row = self
            .fetch_optional("read the totals of a run", statement.bind(project).bind(id))
            .await?;
        row.map(|row| totals(&row, 0)).transpose()
    }
}

const SUMMARY_COLUMNS: usize = 16;

/// The pattern of texts that have another in them. Databases differ in what they lower beyond ASCII.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

fn summary(row: &Row) -> Result<RunSummary> {
    Ok(RunSummary {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        status: row.parsed(2)?,
        workflow: row.text(3)?,
        prompt_preview: row.text(4)?,
        created_at: row.time(5)?,
        started_at: row.optional_time(6)?,
        finished_at: row.optional_time(7)?,
        totals: totals(row, 8)?,
    })
}

fn totals(row: &Row, first: usize) -> Result<RunTotals> {
    Ok(RunTotals {
        requests: row.count(first)?,
        tokens: Tokens {
            input: row.count(first + 1)?,
            output: row.count(first + 2)?,
            cache_read: row.count(first + 3)?,
            cache_write_5m: row.count(first + 4)?,
            cache_write_1h: row.count(first + 5)?,
        },
        spent: row.money(first + 6)?,
        reserved: row.money(first + 7)?,
    })
}
