//! The ledger: told twice is counted once, and the budget holds.

use codecourier_domain::id::{BootId, ProjectId, ReservationId, RunId, StepId};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use codecourier_store::ledger::{NewReservation, NewStepToken, Reserved, Settled, TokenHash, UsageRecord};
use codecourier_store::runs::RunTotals;
use uuid::Uuid;

use super::{Bench, NOON, body, boot_id, project_id};

struct Asking<'b> {
    bench: &'b Bench,
    project: ProjectId,
    run: RunId,
    step: StepId,
    boot: BootId,
}

const TOKENS: Tokens = Tokens {
    input: 1,
    output: 2,
    cache_read: 3,
    cache_write_5m: 4,
    cache_write_1h: 5,
};

impl<'b> Asking<'b> {
    async fn new(bench: &'b Bench) -> Self {
        let project = bench.project("one", 1).await;
        let run = bench.run(project).await;
        Self {
            bench,
            project,
            run,
            step: bench.step(project, run).await,
            boot: boot_id(),
        }
    }

    async fn reserve(&self, request: &str, amount: i64, budget: Option<i64>) -> Reserved {
        let new = NewReservation {
            id: ReservationId::from_uuid(Uuid::now_v7()),
            request: request.to_owned(),
            project: self.project,
            run: self.run,
            step: self.step,
            boot: self.boot,
            amount: MicroUsd(amount),
            run_budget: budget.map(MicroUsd),
            at: NOON,
        };
        self.bench
            .store
            .write(move |tx| Box::pin(async move { tx.reserve(&new).await }))
            .await
            .unwrap()
    }

    fn usage(&self, request: &str, cost: i64) -> UsageRecord {
        UsageRecord {
            request: request.to_owned(),
            project: self.project,
            run: self.run,
            step: self.step,
            provider: "anthropic".to_owned(),
            model: "claude-opus-5-5".to_owned(),
            at: NOON,
            tokens: TOKENS,
            cost: MicroUsd(cost),
            body: body("price"),
        }
    }

    async fn settle(&self, request: &str, cost: i64) -> Settled {
        let usage = self.usage(request, cost);
        self.bench
            .store
            .write(move |tx| Box::pin(async move { tx.settle(&usage).await }))
            .await
            .unwrap()
    }

    async fn release(&self, request: &'static str) {
        let project = self.project;
        let release = self
            .bench
            .store
            .write(move |tx| Box::pin(async move { tx.release(project, request, NOON).await }));
        release.await.unwrap();
    }

    async fn totals(&self) -> RunTotals {
        self.bench
            .store
            .read()
            .await
            .unwrap()
            .run_totals(self.project, self.run)
            .await
            .unwrap()
            .unwrap()
    }
}

pub(super) async fn a_request_is_reserved_and_settled_once(bench: &Bench) {
    let asking = Asking::new(bench).await;
    assert_eq!(asking.reserve("a", 100, None).await, Reserved::Held);
    assert_eq!(asking.reserve("a", 100, None).await, Reserved::Held);
    assert_eq!(asking.totals().await.reserved, MicroUsd(100));
    assert_eq!(asking.settle("a", 60).await, Settled::Now);
    assert_eq!(asking.settle("a", 60).await, Settled::Before);
    assert_eq!(asking.reserve("a", 100, None).await, Reserved::Ended);
    let totals = RunTotals {
        requests: 1,
        tokens: TOKENS,
        spent: MicroUsd(60),
        reserved: MicroUsd::ZERO,
    };
    assert_eq!(asking.totals().await, totals);
    // What was never reserved is booked all the same: it was used.
    assert_eq!(asking.settle("b", 5).await, Settled::Now);
    assert_eq!(asking.totals().await.spent, MicroUsd(65));
    let booked = bench
        .store
        .read()
        .await
        .unwrap()
        .usage_of_run(asking.project, asking.run)
        .await
        .unwrap();
    assert_eq!(booked, [asking.usage("a", 60), asking.usage("b", 5)]);
    let listed = bench
        .store
        .read()
        .await
        .unwrap()
        .run(asking.project, asking.run)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed.summary.totals, asking.totals().await);
}

pub(super) async fn reservations_count_towards_the_budget(bench: &Bench) {
    let asking = Asking::new(bench).await;
    assert_eq!(asking.reserve("a", 60, Some(100)).await, Reserved::Held);
    let over = Reserved::OverBudget {
        spent: MicroUsd::ZERO,
        reserved: MicroUsd(60),
    };
    assert_eq!(asking.reserve("b", 41, Some(100)).await, over);
    assert_eq!(
        asking.reserve("b", 40, Some(100)).await,
        Reserved::Held,
        "up to the budget"
    );
    asking.settle("a", 10).await;
    let over = Reserved::OverBudget {
        spent: MicroUsd(10),
        reserved: MicroUsd(40),
    };
    assert_eq!(asking.reserve("c", 51, Some(100)).await, over);
    assert_eq!(asking.reserve("c", 50, Some(100)).await, Reserved::Held);
}

pub(super) async fn a_release_frees_what_was_reserved(bench: &Bench) {
    let asking = Asking::new(bench).await;
    asking.reserve("a", 60, None).await;
    asking.release("a").await;
    asking.release("a").await;
    asking.release("never told").await;
    assert_eq!(asking.totals().await, RunTotals::default());
    assert_eq!(asking.reserve("a", 60, None).await, Reserved::Ended);
}

pub(super) async fn reservations_of_dead_servers_are_found(bench: &Bench) {
    let asking = Asking::new(bench).await;
    asking.reserve("a", 60, None).await;
    asking.reserve("b", 60, None).await;
    asking.settle("b", 1).await;
    let mut reader = bench.store.read().await.unwrap();
    assert!(
        reader
            .reservations_of_other_boots(asking.boot, "one")
            .await
            .unwrap()
            .is_empty()
    );
    let stale = reader.reservations_of_other_boots(boot_id(), "one").await.unwrap();
    assert_eq!(stale.len(), 1);
    assert_eq!(
        (stale[0].request.as_str(), stale[0].run, stale[0].amount),
        ("a", asking.run, MicroUsd(60))
    );
}

pub(super) async fn a_token_is_worth_something_until_revoked_or_expired(bench: &Bench) {
    let asking = Asking::new(bench).await;
    let (project, run, step) = (asking.project, asking.run, asking.step);
    let expires_at = NOON.plus_milliseconds(1000);
    for secret in ["first", "second"] {
        let hash = TokenHash::of(secret);
        let grant = body(secret);
        let token = NewStepToken {
            hash,
            project,
            run,
            step,
            created_at: NOON,
            expires_at,
            grant,
        };
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.insert_step_token(&token).await }))
            .await
            .unwrap();
    }
    let mut reader = bench.store.read().await.unwrap();
    let found = reader.step_token(TokenHash::of("first"), NOON).await.unwrap().unwrap();
    assert_eq!(
        (found.project, found.run, found.step, found.grant),
        (project, run, step, body("first"))
    );
    assert!(reader.step_token(TokenHash::of("third"), NOON).await.unwrap().is_none());
    assert!(
        reader
            .step_token(TokenHash::of("first"), expires_at)
            .await
            .unwrap()
            .is_none()
    );
    let revoke = |project, step| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.revoke_step_tokens(project, run, step, NOON).await }))
    };
    assert_eq!(revoke(project_id(), Some(step)).await.unwrap(), 0);
    assert_eq!(revoke(project, Some(step)).await.unwrap(), 2);
    assert_eq!(revoke(project, None).await.unwrap(), 0);
    assert!(reader.step_token(TokenHash::of("first"), NOON).await.unwrap().is_none());
}
