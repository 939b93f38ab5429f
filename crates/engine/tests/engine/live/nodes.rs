//! Two engines on one PostgreSQL: what is written at one is told at the other, and to nobody who may not see it any more.

use codecourier_domain::member::MemberRole;
use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::run::RunStatus;
use codecourier_engine::ErrorCode;
use codecourier_engine::access::Credential;
use codecourier_engine::live::{Query, Told};
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::people::People;
use codecourier_testkit::postgres::Server;
use futures::FutureExt as _;

use super::{Shop, World, numbers, opened, project, world};

/// A shop whose engine is one node and whose people write at another. Gives the test that other one's store too.
async fn in_two_nodes<F: Future<Output = ()> + Send + 'static>(test: fn(Shop, People) -> F) {
    let world = world().on_postgres(Server::shared().create_database());
    let here = world.start_node("one", 8).await.unwrap();
    let there = world.start_node("two", 8).await.unwrap();
    let (elsewhere, store) = (People::new(here.store()), there.store());
    there
        .ask(move |engine| async move {
            let own = People::new(store.clone());
            let owner = elsewhere.sign_up("owner").await;
            let project = elsewhere.create_project("shop", owner.user).await;
            let shop = Shop {
                engine,
                store,
                people: elsewhere,
                project,
                owner,
            };
            test(shop, own).await;
        })
        .await;
    here.shut_down().await;
    there.shut_down().await;
}

#[tokio::test]
async fn what_is_written_at_one_node_is_told_at_the_other() {
    in_two_nodes(|shop, own| async move {
        let mut watch = shop.following(&shop.owner, None).await;
        let before = opened(&mut watch).await;
        let scope = codecourier_store::changes::Scope::Project(shop.project);
        for number in 1..=20 {
            // In turns, so that neither node can rely on what it wrote itself.
            let seq = match number % 2 {
                0 => shop.change().await,
                _ => own.change(scope, "run", "run_x", ()).await,
            };
            assert_eq!(seq, before + number);
            assert_eq!(numbers(&mut watch, 1).await, [seq]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_removed_at_one_node_is_told_nothing_later_at_the_other() {
    in_two_nodes(|shop, own| async move {
        let scope = codecourier_store::changes::Scope::Project(shop.project);
        for round in 0..10 {
            let member = shop.people.sign_up(&format!("member-{round}")).await;
            shop.people.join(shop.project, member.user, MemberRole::Member).await;
            let mut watch = shop.following(&member, None).await;
            opened(&mut watch).await;
            shop.people.remove(shop.project, member.user).await;
            let removed_at = shop.head().await;
            // The next message, from there or from here.
            match round % 2 {
                0 => shop.change().await,
                _ => own.change(scope, "run", "run_x", ()).await,
            };
            loop {
                match watch.next().await {
                    Told::Frames { frames, .. } => {
                        assert!(frames.iter().all(|frame| frame.seq() <= Some(removed_at)), "{frames:?}");
                    }
                    Told::Ended { error, .. } => break assert_eq!(error.code, ErrorCode::NotFound),
                    other => panic!("{other:?}"),
                }
            }
            assert!(watch.next().now_or_never().is_none());
            let refused = watch.subscribe("b".into(), project(), None).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::NotFound);
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_and_a_key_that_end_at_one_node_end_at_the_other() {
    in_two_nodes(|shop, _| async move {
        let device = shop.people.sign_in(shop.owner.user).await;
        let key = shop
            .people
            .create_key(shop.project, &["project:read", "runs:read"])
            .await;
        let mut by_session = shop.following(&device, None).await;
        let mut by_key = shop
            .engine
            .live()
            .watch(Credential::ApiKey(key.token.clone()))
            .await
            .unwrap();
        by_key.subscribe("a".into(), project(), None).await.unwrap();
        let mut other = shop.following(&shop.owner, None).await;
        for watch in [&mut by_session, &mut by_key, &mut other] {
            opened(watch).await;
        }
        // Nothing else happens: that they ended is told by itself.
        shop.people.sign_out(&device).await;
        assert!(matches!(by_session.next().await, Told::SignedOut(error) if error.code == ErrorCode::AuthInvalid));
        shop.people.revoke_key(shop.project, key.id).await;
        assert!(matches!(by_key.next().await, Told::SignedOut(error) if error.code == ErrorCode::AuthInvalid));
        let seq = shop.change().await;
        assert_eq!(numbers(&mut other, 2).await.last(), Some(&seq), "others go on");
    })
    .await;
}

#[tokio::test]
async fn a_run_started_at_one_node_is_worked_on_by_the_other_and_followed_at_both() {
    let world = World::new(designer_and_checker()).on_postgres(Server::shared().create_database());
    // One that has no place for work, and one that has.
    let here = world.start_node("one", 0).await.unwrap();
    let there = world.start_node("two", 4).await.unwrap();
    let mut spec = world.spec();
    spec.pipeline = Pipeline::designer_and_checker(3).unwrap();
    let started = here.start_run(spec).await.unwrap();
    let (project, run) = started;
    let store = here.store();
    let mut watches = Vec::new();
    for node in [&here, &there] {
        let store = store.clone();
        let watch = node.ask(move |engine| async move {
            let people = People::new(store.clone());
            let person = people.sign_up(&uuid::Uuid::now_v7().simple().to_string()).await;
            people.join(project, person.user, MemberRole::Owner).await;
            let slug = people.slug_of(project).await;
            let live = engine.live();
            let mut watch = live.watch(Credential::Session(person.token.clone())).await.unwrap();
            let query = Query::Run { project: slug, run };
            watch.subscribe("a".into(), query, Some(0)).await.unwrap();
            watch
        });
        watches.push(watch.await);
    }
    assert_eq!(here.wait(started).await, RunStatus::Completed);
    let recorded = here.events(started).await.len();
    for (node, mut watch) in [&here, &there].into_iter().zip(watches) {
        let seen = node
            .ask(move |_| async move { numbers(&mut watch, recorded).await })
            .await;
        assert_eq!(seen, (1..=recorded as u64).collect::<Vec<_>>());
    }
    here.shut_down().await;
    there.shut_down().await;
}
