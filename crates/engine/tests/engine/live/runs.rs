//! The events of a run.

use codecourier_domain::event::Event;
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_engine::ErrorCode;
use codecourier_engine::live::{Content, Query, Told};
use codecourier_store::members::Membership;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, script};
use codecourier_testkit::people::People;

#[tokio::test]
async fn a_run_is_followed_to_its_end_and_no_further_than_one_may() {
    let gate = Gate::default();
    let held = gate.clone();
    let world = World::new(script(move |_| {
        vec![
            Act::Say("first words".to_owned()),
            Act::Pass(held.clone()),
            Act::Write {
                path: "answer.txt".to_owned(),
                content: "42\n".to_owned(),
            },
            Act::EndTurn("Done.".to_owned()),
        ]
    }));
    let engine = world.start().await;
    let mut spec = world.spec();
    spec.pipeline = codecourier_domain::pipeline::Pipeline::single_designer();
    let (project, run) = engine.start_run(spec).await.unwrap();
    gate.reached(1).await;
    let store = engine.store();
    let seen = engine
        .ask(move |engine| async move {
            let people = People::new(store.clone());
            let (owner, member) = (people.sign_up("owner").await, people.sign_up("member").await);
            for (person, role) in [(&owner, MemberRole::Owner), (&member, MemberRole::Member)] {
                let membership = Membership {
                    project,
                    user: person.user,
                    role,
                    joined_at: Timestamp(0),
                };
                let insert = store.write(move |tx| Box::pin(async move { tx.insert_member(&membership).await }));
                insert.await.unwrap();
            }
            let slug = people.slug_of(project).await;
            let query = Query::Run { project: slug, run };
            let credential = |person: &codecourier_testkit::people::TestPerson| {
                codecourier_engine::access::Credential::Session(person.token.clone())
            };
            let mut whole = engine.live().watch(credential(&owner)).await.unwrap();
            whole.subscribe("run".into(), query.clone(), Some(0)).await.unwrap();
            let mut removed = engine.live().watch(credential(&member)).await.unwrap();
            removed.subscribe("run".into(), query.clone(), None).await.unwrap();
            assert!(matches!(removed.next().await, Told::Snapshot { .. }));

            people.remove(project, member.user).await;
            gate.open();
            assert!(matches!(removed.next().await, Told::Ended { error, .. } if error.code == ErrorCode::NotFound));

            engine.runs().wait(project, run).await.unwrap();
            let head = store.read().await.unwrap().event_head(project, run).await.unwrap();
            let mut seen: Vec<(u64, Event)> = Vec::new();
            while seen.last().is_none_or(|(seq, _)| *seq < head) {
                let Told::Frames { frames, .. } = whole.next().await else {
                    panic!("the run is followed")
                };
                for frame in frames {
                    if let Content::Event(event) = frame.content() {
                        seen.push((event.seq, event.body.read().unwrap()));
                    }
                }
            }
            seen
        })
        .await;
    let recorded: Vec<_> = engine.events((project, run)).await;
    let recorded: Vec<_> = recorded.into_iter().map(|event| (event.seq, event.event)).collect();
    assert_eq!(seen, recorded, "every event once, in order");
    engine.shut_down().await;
}
