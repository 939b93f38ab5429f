//! Leaving for good.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Clock as _;
use codecourier_engine::access::{Person, SignUpPolicy};
use codecourier_engine::{Error, ErrorCode};
use codecourier_store::audit::{AuditList, AuditScope};
use codecourier_store::members::Membership;
use futures::future::BoxFuture;

use super::{House, Mail, PASSWORD, code, visitor};

async fn join(house: &House, project: ProjectId, user: UserId, role: MemberRole) {
    let membership = Membership {
        project,
        user,
        role,
        joined_at: house.world.clock.now(),
    };
    let store = house.engine.store();
    let written = house.engine.ask(move |_| async move {
        store
            .write(move |tx| {
                Box::pin(async move {
                    if tx.read().membership(project, user).await?.is_some() {
                        return tx.set_member_role(project, user, role).await.map(drop);
                    }
                    tx.insert_member(&membership).await
                })
            })
            .await
    });
    written.await.unwrap();
}

async fn delete(house: &House, person: &Person, password: Option<&str>) -> Result<(), Error> {
    let (person, password) = (person.clone(), password.map(Into::into));
    house
        .ask(|accounts| async move { accounts.delete(&person, password.as_ref(), &visitor("192.0.2.1")).await })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_goes_when_nobody_is_left_behind_without_an_owner() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    let source = house.world.source();
    let project = house
        .engine
        .ask(|engine| async move { engine.project_of(&source).await });
    let project = project.await.unwrap();
    let ada = house.with_account("ada@example.org").await;
    let bob = house.with_account("bob@example.org").await;
    let (ada_person, bob_person) = (
        house.person(&ada.token).await.unwrap(),
        house.person(&bob.token).await.unwrap(),
    );

    let refused = delete(&house, &ada_person, Some(PASSWORD)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict, "the only operator");
    assert_eq!(code(delete(&house, &bob_person, None).await), ErrorCode::Forbidden);
    assert_eq!(
        code(delete(&house, &bob_person, Some("wrong horse")).await),
        ErrorCode::Forbidden
    );

    // Bob owns the project alone, with Ada as a member; then Ada owns it too.
    join(&house, project, bob.account.id, MemberRole::Owner).await;
    join(&house, project, ada.account.id, MemberRole::Member).await;
    let refused = delete(&house, &bob_person, Some(PASSWORD)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(refused.message.contains("only owner"), "{}", refused.message);
    assert!(house.person(&bob.token).await.is_ok(), "nothing was done by halves");
    join(&house, project, ada.account.id, MemberRole::Owner).await;
    delete(&house, &bob_person, Some(PASSWORD)).await.unwrap();

    assert_eq!(code(house.person(&bob.token).await), ErrorCode::AuthInvalid);
    assert_eq!(
        code(house.sign_in("bob@example.org", PASSWORD).await),
        ErrorCode::AuthInvalid
    );
    let id = bob.account.id;
    let (memberships, entries) = house
        .engine
        .read(
            move |mut reader: codecourier_store::Reader<'static>| -> BoxFuture<'static, _> {
                Box::pin(async move {
                    let list = AuditList {
                        limit: 10,
                        ..AuditList::default()
                    };
                    let entries = reader.audit_entries(AuditScope::Project(project), &list).await.unwrap();
                    (reader.memberships_of(id).await.unwrap(), entries.items)
                })
            },
        )
        .await;
    assert!(memberships.is_empty());
    let last = &entries[0];
    assert_eq!(
        (last.action.as_str(), last.target.as_str()),
        ("member.leave", id.to_string().as_str())
    );
    // The address is free.
    assert_ne!(house.with_account("bob@example.org").await.account.id, id);
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_alone_in_a_project_hands_it_over_or_deletes_it_first() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    let source = house.world.source();
    let project = house
        .engine
        .ask(|engine| async move { engine.project_of(&source).await });
    let project = project.await.unwrap();
    let bob = house.with_account("bob@example.org").await;
    join(&house, project, bob.account.id, MemberRole::Owner).await;
    let person = house.person(&bob.token).await.unwrap();
    assert_eq!(code(delete(&house, &person, Some(PASSWORD)).await), ErrorCode::Conflict);
    let store = house.engine.store();
    let read = house
        .engine
        .ask(move |_| async move { store.read().await.unwrap().membership(project, person.user).await });
    assert_eq!(
        read.await.unwrap().unwrap().role,
        MemberRole::Owner,
        "the refusal changed nothing"
    );
    house.engine.shut_down().await;
}
