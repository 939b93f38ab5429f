//! What a sandbox uses, told while somebody watches.

use codecourier_domain::id::{SandboxId, StepId};
use codecourier_domain::member::MemberRole;
use codecourier_engine::ErrorCode;
use codecourier_engine::access::Credential;
use codecourier_engine::live::{Content, Query, Told, Watch};
use codecourier_engine::sandboxes::{Usage, UsageSample};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, script};
use codecourier_testkit::fake_sandbox::Moment;
use codecourier_testkit::people::{People, TestPerson};

async fn sample(watch: &mut Watch) -> UsageSample {
    match watch.next().await {
        Told::Frames { frames, .. } => match frames.last().map(|frame| frame.content()) {
            Some(Content::Usage(sample)) => *sample,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sandbox_is_asked_while_somebody_watches_and_once_for_all_of_them() {
    let gate = Gate::default();
    let held = gate.clone();
    let world = World::new(script(move |_| {
        vec![Act::Pass(held.clone()), Act::EndTurn("Done.".to_owned())]
    }));
    let engine = world.start().await;
    let mut spec = world.spec();
    spec.pipeline = codecourier_domain::pipeline::Pipeline::single_designer();
    let (project, run) = engine.start_run(spec).await.unwrap();
    gate.reached(1).await;
    let sandbox = world.backend.present()[0];
    let asked = {
        let backend = world.backend.clone();
        move || {
            let calls = backend.calls();
            calls
                .iter()
                .filter(|call| call.what == "usage" && call.moment == Moment::Before)
                .count()
        }
    };
    let before = asked();
    let store = engine.store();
    engine
        .ask(move |engine| async move {
            let people = People::new(store.clone());
            let (owner, stranger) = (people.sign_up("owner").await, people.sign_up("stranger").await);
            people.join(project, owner.user, MemberRole::Owner).await;
            let slug = people.slug_of(project).await;
            let query = |sandbox: SandboxId| Query::Sandbox {
                project: slug.clone(),
                sandbox,
            };
            let watch = async |person: &TestPerson| {
                let credential = Credential::Session(person.token.clone());
                engine.live().watch(credential).await.unwrap()
            };
            let mut first = watch(&owner).await;
            first.subscribe("a".into(), query(sandbox), None).await.unwrap();
            assert!(matches!(first.next().await, Told::Snapshot { snapshot, .. } if snapshot.seq == 0));
            let usage = sample(&mut first).await.usage;
            let two = Usage {
                processes: Some(2),
                ..Usage::default()
            };
            assert_eq!(usage, Some(two));
            // Whoever comes later, or comes back, has the newest at once.
            let mut second = watch(&owner).await;
            second.subscribe("b".into(), query(sandbox), Some(0)).await.unwrap();
            assert_eq!(sample(&mut second).await.usage, Some(two));
            assert_eq!(engine.live().followed(), 1);

            let unknown = SandboxId::of_step(&StepId::from_uuid(run.uuid()));
            let refused = first.subscribe("c".into(), query(unknown), None).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::NotFound);
            let mut outside = watch(&stranger).await;
            let refused = outside.subscribe("a".into(), query(sandbox), None).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::NotFound);

            gate.open();
            engine.runs().wait(project, run).await.unwrap();
            while sample(&mut first).await.usage.is_some() {}
            drop((first, second));
            assert_eq!(engine.live().followed(), 0);
        })
        .await;
    // Now and then until the agent's end, and not for each of those who watched.
    assert!(asked() > before);
    engine.shut_down().await;
}
