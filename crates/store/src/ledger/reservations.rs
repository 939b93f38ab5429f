//! Reserving before a request to a model and settling after it.

use codecourier_domain::id::{BootId, ProjectId, ReservationId, RunId, StepId};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::time::Timestamp;
use codecourier_domain::usage::Tokens;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{Row, count, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// What became of a reservation.
    ReservationStatus {
        /// The request is under way.
        Held = "held",
        /// The request was settled.
        Settled = "settled",
        /// There was nothing to pay.
        Released = "released",
    }
}

/// A reservation to make.
#[derive(Debug, Clone)]
pub struct NewReservation {
    /// Its identifier.
    pub id: ReservationId,
    /// The request it is for: the key that makes telling it twice harmless.
    pub request: String,
    /// The project that pays.
    pub project: ProjectId,
    /// The run that asks.
    pub run: RunId,
    /// The step that asks.
    pub step: StepId,
    /// The start of the server that carries the request.
    pub boot: BootId,
    /// What the request may cost at most.
    pub amount: MicroUsd,
    /// What the run may spend in all, reservations included; `None` for no bound.
    pub run_budget: Option<MicroUsd>,
    /// When.
    pub at: Timestamp,
}

/// What came of reserving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// The amount is set aside, now or by an earlier telling of the same request.
    Held,
    /// The request was told before and has ended.
    Ended,
    /// The budget does not allow it.
    OverBudget {
        /// What the run has spent.
        spent: MicroUsd,
        /// What other requests of it hold.
        reserved: MicroUsd,
    },
}

/// What the requests of a step used together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUsage {
    /// The step.
    pub step: StepId,
    /// How many there were.
    pub requests: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// Their cost.
    pub cost: MicroUsd,
}

/// What a request used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// The request.
    pub request: String,
    /// The project that pays.
    pub project: ProjectId,
    /// The run that asked.
    pub run: RunId,
    /// The step that asked.
    pub step: StepId,
    /// The provider.
    pub provider: String,
    /// The model that answered.
    pub model: String,
    /// When.
    pub at: Timestamp,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its cost.
    pub cost: MicroUsd,
    /// The price it was computed with, the time to the first byte, and what else is worth knowing.
    pub body: Body,
}

/// What came of settling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is in the books now.
    Now,
    /// It was in the books already; nothing was added.
    Before,
}

/// A reservation that was never ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldReservation {
    /// The request.
    pub request: String,
    /// The project that pays.
    pub project: ProjectId,
    /// The run that asked.
    pub run: RunId,
    /// The step that asked.
    pub step: StepId,
    /// What is set aside.
    pub amount: MicroUsd,
}

impl Tx {
    /// Sets aside what a request may cost, if the budget allows it.
    pub async fn reserve(&mut self, new: &NewReservation) -> Result<Reserved> {
        if let Some(status) = self.reservation_status(new.project, &new.request).await? {
            return Ok(match status {
                ReservationStatus::Held => Reserved::Held,
                ReservationStatus::Settled | ReservationStatus::Released => Reserved::Ended,
            });
        }
        let take = sql("UPDATE run_total SET reserved = reserved + $3 \
             WHERE project = $1 AND run = $2 AND ($4 IS NULL OR spent + reserved + $3 <= $4)")
        .bind(new.project)
        .bind(new.run)
        .bind(new.amount)
        .bind(new.run_budget);
        if self.execute("reserve for a request", take).await? == 0 {
            let totals = self.read().run_totals(new.project, new.run).await?;
            let totals = totals.ok_or(Error::NotFound { entity: "run" })?;
            return Ok(Reserved::OverBudget {
                spent: totals.spent,
                reserved: totals.reserved,
            });
        }
        let insert = sql(
            "INSERT INTO reservation (request, id, project, run, step, boot, amount, status, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'held', $8)",
        )
        .bind(new.request.as_str())
        .bind(new.id)
        .bind(new.project)
        .bind(new.run)
        .bind(new.step)
        .bind(new.boot)
        .bind(new.amount)
        .bind(new.at);
        self.execute("note a reservation", insert).await?;
        Ok(Reserved::Held)
    }

    /// Books what a request used, and frees what was set aside for it, if anything was.
    pub async fn settle(&mut self, usage: &UsageRecord) -> Result<Settled> {
        let insert = sql(
            "INSERT INTO usage_record (request, project, run, step, provider, model, at, input_tokens, \
             output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cost, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (request) DO NOTHING",
        )
        .bind(usage.request.as_str())
        .bind(usage.project)
        .bind(usage.run)
        .bind(usage.step)
        .bind(usage.provider.as_str())
        .bind(usage.model.as_str())
        .bind(usage.at)
        .bind(count(usage.tokens.input))
        .bind(count(usage.tokens.output))
        .bind(count(usage.tokens.cache_read))
        .bind(count(usage.tokens.cache_write_5m))
        .bind(count(usage.tokens.cache_write_1h))
        .bind(usage.cost)
        .bind(&usage.body);
        if self.execute("book the use of a model", insert).await? == 0 {
            return Ok(Settled::Before);
        }
        let add = sql(
            "UPDATE run_total SET requests = requests + 1, input_tokens = input_tokens + $3, \
             output_tokens = output_tokens + $4, cache_read_tokens = cache_read_tokens + $5, \
             cache_write_5m_tokens = cache_write_5m_tokens + $6, \
             cache_write_1h_tokens = cache_write_1h_tokens + $7, spent = spent + $8 WHERE project = $1 AND run = $2",
        )
        .bind(usage.project)
        .bind(usage.run)
        .bind(count(usage.tokens.input))
        .bind(count(usage.tokens.output))
        .bind(count(usage.tokens.cache_read))
        .bind(count(usage.tokens.cache_write_5m))
        .bind(count(usage.tokens.cache_write_1h))
        .bind(usage.cost);
        if self.execute("add to the totals of a run", add).await? == 0 {
            return Err(Error::NotFound { entity: "run" });
        }
        self.end_reservation(usage.project, &usage.request, ReservationStatus::Settled, usage.at)
            .await?;
        Ok(Settled::Now)
    }

    /// Frees what was set aside for a request that cost nothing.
    pub async fn release(&mut self, project: ProjectId, request: &str, at: Timestamp) -> Result<()> {
        self.end_reservation(project, request, ReservationStatus::Released, at)
            .await
    }

    async fn end_reservation(
        &mut self,
        project: ProjectId,
        request: &str,
        status: ReservationStatus,
        at: Timestamp,
    ) -> Result<()> {
        let end = sql("UPDATE reservation SET status = $3, ended_at = $4 \
             WHERE project = $1 AND request = $2 AND status = 'held' RETURNING run, amount");
        let end = end.bind(project).bind(request).bind(status.as_str()).bind(at);
        let Some(row) = self.fetch_optional("end a reservation", end).await? else {
            return Ok(());
        };
        let free = sql("UPDATE run_total SET reserved = reserved - $3 WHERE project = $1 AND run = $2");
        let free = free.bind(project).bind(row.text(0)?).bind(row.integer(1)?);
        self.execute("free what was reserved", free).await.map(drop)
    }

    async fn reservation_status(&mut self, project: ProjectId, request: &str) -> Result<Option<ReservationStatus>> {
        let statement = sql("SELECT status FROM reservation WHERE project = $1 AND request = $2");
        let row = self
            .fetch_optional("look up a reservation", statement.bind(project).bind(request))
            .await?;
        row.map(|row| row.parsed(0)).transpose()
    }
}

impl Reader<'_> {
    /// The reservations that former starts of a node left behind: their requests died with them.
    pub async fn reservations_of_other_boots(&mut self, boot: BootId, node: &str) -> Result<Vec<HeldReservation>> {
        let statement = sql("SELECT request, project, run, step, amount FROM reservation \
             WHERE status = 'held' AND boot <> $1 \
             AND NOT EXISTS (SELECT 1 FROM boot b WHERE b.id = reservation.boot AND b.node NOT IN ($2, '')) \
             ORDER BY created_at, request");
        self.fetch_all("list stale reservations", statement.bind(boot).bind(node))
            .await?
            .iter()
            .map(held)
            .collect()
    }

    /// What the requests of each step of a run used together.
    pub async fn usage_of_steps(&mut self, project: ProjectId, run: RunId) -> Result<Vec<StepUsage>> {
        let statement = sql(
            "SELECT step, count(*), CAST(sum(input_tokens) AS BIGINT), CAST(sum(output_tokens) AS BIGINT), \
             CAST(sum(cache_read_tokens) AS BIGINT), CAST(sum(cache_write_5m_tokens) AS BIGINT), \
             CAST(sum(cache_write_1h_tokens) AS BIGINT), CAST(sum(cost) AS BIGINT) FROM usage_record \
             WHERE project = $1 AND run = $2 GROUP BY step ORDER BY step",
        );
        self.fetch_all("add up the use of models", statement.bind(project).bind(run))
            .await?
            .iter()
            .map(|row| {
                Ok(StepUsage {
                    step: row.parsed(0)?,
                    requests: row.count(1)?,
                    tokens: Tokens {
                        input: row.count(2)?,
                        output: row.count(3)?,
                        cache_read: row.count(4)?,
                        cache_write_5m: row.count(5)?,
                        cache_write_1h: row.count(6)?,
                    },
                    cost: row.money(7)?,
                })
            })
            .collect()
    }

    /// What the requests of a run used, oldest first.
    pub async fn usage_of_run(&mut self, project: ProjectId, run: RunId) -> Result<Vec<UsageRecord>> {
        let statement = sql(
            "SELECT request, project, run, step, provider, model, at, input_tokens, output_tokens, \
             cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cost, body FROM usage_record \
             WHERE project = $1 AND run = $2 ORDER BY at, request",
        );
        self.fetch_all("list the use of models", statement.bind(project).bind(run))
            .await?
            .iter()
            .map(usage)
            .collect()
    }
}

fn held(row: &Row) -> Result<HeldReservation> {
    Ok(HeldReservation {
        request: row.text(0)?,
        project: row.parsed(1)?,
        run: row.parsed(2)?,
        step: row.parsed(3)?,
        amount: row.money(4)?,
    })
}

fn usage(row: &Row) -> Result<UsageRecord> {
    Ok(UsageRecord {
        request: row.text(0)?,
        project: row.parsed(1)?,
        run: row.parsed(2)?,
        step: row.parsed(3)?,
        provider: row.text(4)?,
        model: row.text(5)?,
        at: row.time(6)?,
        tokens: Tokens {
            input: row.count(7)?,
            output: row.count(8)?,
            cache_read: row.count(9)?,
            cache_write_5m: row.count(10)?,
            cache_write_1h: row.count(11)?,
        },
        cost: row.money(12)?,
        body: row.body(13)?,
    })
}
