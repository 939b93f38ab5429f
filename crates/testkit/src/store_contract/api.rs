//! What the API asks of the store beside the features: searches, live sandboxes, own workflows, keyed requests.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{BootId, RunId, StepId};
use codecourier_domain::revision::Revision;
use codecourier_domain::run::RunStatus;
use codecourier_store::Error;
use codecourier_store::idempotency::{Claim, KeyedRequest};
use codecourier_store::runs::{NewRun, RunOrder, RunSearch};
use codecourier_store::sealed::{Resealed, Sealed, SealedColumn};
use codecourier_store::workflows::WorkflowUpdate;
use uuid::Uuid;

use super::{Bench, NOON, a_run, body};

pub(super) async fn runs_are_searched_in_both_orders(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let other = bench.project("two", 1).await;
    let previews = ["Paint the door", "Mend 100% of it", "paint_the roof", "PAINT it all"];
    let mut runs = Vec::new();
    for (index, preview) in (0..).zip(previews) {
        let run = NewRun {
            prompt_preview: preview.to_owned(),
            workflow: if index == 3 {
                "single".to_owned()
            } else {
                "loop".to_owned()
            },
            ..a_run(project, NOON.plus_milliseconds(index))
        };
        runs.push(run.id);
        let foreign = NewRun {
            prompt_preview: preview.to_owned(),
            ..a_run(other, NOON)
        };
        let insert = bench.store.write(move |tx| {
            Box::pin(async move {
                tx.insert_run(&run).await?;
                tx.insert_run(&foreign).await
            })
        });
        insert.await.unwrap();
    }
    let all = RunSearch {
        status: None,
        workflow: None,
        text: None,
        order: RunOrder::OldestFirst,
        after: None,
        limit: 2,
    };
    let found = async |mut search: RunSearch| -> Vec<usize> {
        let mut indexes = Vec::new();
        loop {
            let page = bench
                .store
                .read()
                .await
                .unwrap()
                .search_runs(project, &search)
                .await
                .unwrap();
            let index_of = |id: &RunId| runs.iter().position(|run| run == id).unwrap();
            indexes.extend(page.items.iter().map(|run| index_of(&run.id)));
            match page.next {
                Some(next) => search.after = Some(next),
                None => return indexes,
            }
        }
    };
    let with_text = |text: &str, order| RunSearch {
        text: Some(text.to_owned()),
        order,
        ..all.clone()
    };
    assert_eq!(found(all.clone()).await, [0, 1, 2, 3]);
    assert_eq!(found(with_text("paint", RunOrder::OldestFirst)).await, [0, 2, 3]);
    assert_eq!(found(with_text("PAINT", RunOrder::NewestFirst)).await, [3, 2, 0]);
    assert_eq!(found(with_text("0%", RunOrder::OldestFirst)).await, [1]);
    assert_eq!(found(with_text("t_t", RunOrder::OldestFirst)).await, [2]);
    assert_eq!(found(with_text("!", RunOrder::OldestFirst)).await, [0_usize; 0]);
    let filtered = RunSearch {
        workflow: Some("single".to_owned()),
        status: Some(RunStatus::Pending),
        ..all.clone()
    };
    assert_eq!(found(filtered.clone()).await, [3]);
    let ended = RunSearch {
        status: Some(RunStatus::Failed),
        ..filtered
    };
    assert_eq!(found(ended).await, [0_usize; 0]);
}

pub(super) async fn steps_with_a_sandbox_are_paged(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let other = bench.project("two", 1).await;
    let run = bench.run(project).await;
    let foreign_run = bench.run(other).await;
    let mut expected = Vec::new();
    for ordinal in 1..=3 {
        let mut step = super::a_step(project, run, ordinal);
        step.created_at = NOON.plus_milliseconds(i64::from(ordinal));
        step.sandbox = Some(codecourier_domain::id::SandboxId::of_step(&step.id));
        expected.insert(0, step.id);
        let mut gone = super::a_step(project, run, ordinal + 10);
        gone.sandbox = None;
        let mut foreign = super::a_step(other, foreign_run, ordinal);
        foreign.sandbox = Some(codecourier_domain::id::SandboxId::of_step(&foreign.id));
        let insert = bench.store.write(move |tx| {
            Box::pin(async move {
                tx.insert_step(&step).await?;
                tx.insert_step(&gone).await?;
                tx.insert_step(&foreign).await
            })
        });
        insert.await.unwrap();
    }
    let (mut found, mut after): (Vec<StepId>, _) = (Vec::new(), None);
    loop {
        let page = bench
            .store
            .read()
            .await
            .unwrap()
            .live_steps(project, after, 2)
            .await
            .unwrap();
        found.extend(page.items.iter().map(|step| step.id));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, expected);
}

pub(super) async fn a_workflow_is_saved_over_what_was_seen_only(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let other = bench.project("two", 1).await;
    let save = async |over: Option<Revision>| {
        let update = WorkflowUpdate {
            name: "mine".to_owned(),
            over,
            at: NOON,
            actor: Actor::System,
            body: body("pipeline"),
        };
        let saved = bench
            .store
            .write(move |tx| Box::pin(async move { tx.save_workflow(project, &update).await }));
        saved.await
    };
    assert!(
        matches!(save(Some(Revision(1))).await, Err(Error::Stale { .. })),
        "there is none yet"
    );
    assert_eq!(save(None).await.unwrap(), Revision(1));
    assert!(matches!(save(None).await, Err(Error::Taken { .. })));
    assert_eq!(save(Some(Revision(1))).await.unwrap(), Revision(2));
    assert!(matches!(save(Some(Revision(1))).await, Err(Error::Stale { .. })));
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(
        reader.workflow(project, "mine").await.unwrap().unwrap().revision,
        Revision(2)
    );
    assert_eq!(reader.workflow(other, "mine").await.unwrap(), None);
    assert_eq!(reader.workflows(project, "", 10).await.unwrap().len(), 1);
    assert_eq!(reader.workflows(project, "mine", 10).await.unwrap().len(), 0);
    drop(reader);
    let delete = async |of, seen| {
        let deleted = bench
            .store
            .write(move |tx| Box::pin(async move { tx.delete_workflow(of, "mine", seen).await }));
        deleted.await
    };
    assert!(delete(other, Revision(2)).await.is_err(), "another project's");
    assert!(delete(project, Revision(1)).await.is_err(), "changed since");
    delete(project, Revision(2)).await.unwrap();
}

pub(super) async fn a_key_is_claimed_once_and_its_answer_stays(bench: &Bench) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let boot = |number| BootId::from_uuid(Uuid::from_u128(number));
    let claim = async |principal: &str, fingerprint: &str, boot: BootId, at: i64| {
        let request = KeyedRequest {
            principal: principal.to_owned(),
            key: "k".to_owned(),
            fingerprint: fingerprint.to_owned(),
        };
        let now = NOON.plus_milliseconds(at);
        let claimed = bench.store.write(move |tx| {
            Box::pin(async move { tx.claim_request(&request, boot, now, now.plus_milliseconds(-DAY)).await })
        });
        claimed.await.unwrap()
    };
    assert_eq!(claim("ada", "f", boot(1), 0).await, Claim::Granted);
    assert_eq!(claim("ada", "f", boot(1), 1).await, Claim::UnderWay);
    assert_eq!(claim("ada", "other", boot(1), 1).await, Claim::Mismatch);
    assert_eq!(
        claim("bob", "other", boot(1), 1).await,
        Claim::Granted,
        "somebody else's key"
    );
    assert_eq!(claim("ada", "f", boot(2), 2).await, Claim::Abandoned);
    assert_eq!(
        claim("ada", "f", boot(2), 2).await,
        Claim::Abandoned,
        "still nobody knows"
    );
    let sealed = |text: &str, key: &str| Sealed {
        envelope: text.to_owned(),
        key: key.to_owned(),
    };
    let answer = async |text: &'static str| {
        let answer = sealed(text, "old key");
        let kept = bench
            .store
            .write(move |tx| Box::pin(async move { tx.answer_request("ada", "k", &answer).await }));
        kept.await.unwrap();
    };
    answer("first").await;
    answer("second").await;
    let first = Claim::Answered(sealed("first", "old key"));
    assert_eq!(claim("ada", "f", boot(3), 3).await, first);
    // A rotation of the master keys finds the answer, and not the claim that has none.
    let mut reader = bench.store.read().await.unwrap();
    let column = SealedColumn::KeptAnswer;
    let found = reader
        .sealed_with_other_keys(column, "new key", None, 10)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].place.scope.as_str(), found[0].place.row.as_str()),
        ("ada", "k")
    );
    assert_eq!(reader.count_sealed_with_other_keys(column, "new key").await.unwrap(), 1);
    let (old, new) = (found[0].clone(), sealed("first again", "new key"));
    let resealed = bench
        .store
        .write(move |tx| Box::pin(async move { tx.reseal(&old, &new).await }));
    assert_eq!(resealed.await.unwrap(), Resealed::Replaced);
    assert_eq!(reader.count_sealed_with_other_keys(column, "new key").await.unwrap(), 0);
    let release = bench.store.write(move |tx| {
        Box::pin(async move {
            tx.release_request("ada", "k").await?;
            tx.release_request("bob", "k").await
        })
    });
    release.await.unwrap();
    assert_eq!(
        claim("ada", "f", boot(3), 3).await,
        Claim::Answered(sealed("first again", "new key")),
        "it was done"
    );
    assert_eq!(claim("bob", "f", boot(3), 3).await, Claim::Granted, "it was let go");
    assert_eq!(
        claim("ada", "other", boot(3), DAY + 1).await,
        Claim::Granted,
        "a day later"
    );
    let swept = bench
        .store
        .write(move |tx| Box::pin(async move { tx.sweep_requests(NOON.plus_milliseconds(DAY), 10).await }));
    assert_eq!(swept.await.unwrap(), 1, "bob's, and not the fresh one");
}
