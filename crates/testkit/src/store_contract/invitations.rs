//! Invitations: one at a time per address, ended once, and seen only by the project and the invited address.

use codecourier_domain::actor::Actor;
use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{InvitationId, ProjectId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_store::invitations::{Invitation, InvitationList, InvitationStatus};
use codecourier_store::ledger::TokenHash;
use codecourier_store::{Error, Result};
use uuid::Uuid;

use super::{Bench, NOON, user_id};

const LATE: Timestamp = NOON.plus_milliseconds(1000);

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn an_invitation(project: ProjectId, email: &str) -> Invitation {
    Invitation {
        id: InvitationId::from_uuid(Uuid::now_v7()),
        project,
        email: address(email),
        role: MemberRole::Member,
        inviter: Actor::User(user_id()),
        inviter_name: None,
        status: InvitationStatus::Pending,
        created_at: NOON,
        expires_at: LATE,
        ended_at: None,
    }
}

impl Bench {
    async fn invite(&self, invitation: &Invitation) -> Result<()> {
        let invitation = invitation.clone();
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_invitation(&invitation).await }))
            .await
    }

    async fn end(&self, project: ProjectId, id: InvitationId, status: InvitationStatus) -> Result<()> {
        self.store
            .write(move |tx| Box::pin(async move { tx.end_invitation(project, id, status, NOON).await }))
            .await
    }
}

const fn list(pending_at: Option<Timestamp>) -> InvitationList {
    InvitationList {
        pending_at,
        after: None,
        limit: 10,
    }
}

pub(super) async fn an_address_is_invited_once_at_a_time(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let first = an_invitation(one, "ada@example.org");
    bench.invite(&first).await.unwrap();
    let again = bench.invite(&an_invitation(one, "ada@example.org")).await;
    assert!(matches!(again, Err(Error::Taken { entity: "invitation" })));
    bench.invite(&an_invitation(one, "bob@example.org")).await.unwrap();
    bench.invite(&an_invitation(two, "ada@example.org")).await.unwrap();
    bench.end(one, first.id, InvitationStatus::Declined).await.unwrap();
    bench.invite(&an_invitation(one, "ada@example.org")).await.unwrap();
}

pub(super) async fn invitations_end_once(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let invitation = an_invitation(project, "ada@example.org");
    bench.invite(&invitation).await.unwrap();
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(
        reader.invitation(project, invitation.id).await.unwrap(),
        Some(invitation.clone())
    );
    bench
        .end(project, invitation.id, InvitationStatus::Cancelled)
        .await
        .unwrap();
    let late = bench.end(project, invitation.id, InvitationStatus::Accepted).await;
    assert!(matches!(late, Err(Error::Stale { entity: "invitation" })));
    let ended = reader.invitation(project, invitation.id).await.unwrap().unwrap();
    assert_eq!(
        (ended.status, ended.ended_at),
        (InvitationStatus::Cancelled, Some(NOON))
    );
}

pub(super) async fn invitations_of_a_project_are_paged(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let mut invitations = Vec::new();
    for number in 0..5 {
        let invitation = an_invitation(project, &format!("p{number}@example.org"));
        bench.invite(&invitation).await.unwrap();
        invitations.insert(0, invitation);
    }
    let mut reader = bench.store.read().await.unwrap();
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let list = InvitationList {
            after,
            limit: 2,
            ..list(None)
        };
        let page = reader.invitations(project, list).await.unwrap();
        seen.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, invitations);
    bench
        .end(project, invitations[1].id, InvitationStatus::Declined)
        .await
        .unwrap();
    let pending = reader.invitations(project, list(Some(NOON))).await.unwrap().items;
    assert_eq!(pending.len(), 4);
    assert_eq!(reader.pending_invitations(project, NOON).await.unwrap(), 4);
    assert!(
        reader
            .invitations(project, list(Some(LATE)))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(reader.pending_invitations(project, LATE).await.unwrap(), 0);
    assert_eq!(reader.invitations(project, list(None)).await.unwrap().items.len(), 5);
}

pub(super) async fn an_address_sees_what_it_can_accept(bench: &Bench) {
    let mut invitations = Vec::new();
    for slug in ["one", "two", "three", "four"] {
        let project = bench.project(slug, 1).await;
        let invitation = an_invitation(project, "ada@example.org");
        bench.invite(&invitation).await.unwrap();
        invitations.push(invitation);
    }
    let [one, two, three, _] = &invitations[..] else {
        panic!("four")
    };
    bench
        .end(two.project, two.id, InvitationStatus::Cancelled)
        .await
        .unwrap();
    bench.delete(three.project).await.unwrap();
    let ada = address("ada@example.org");
    let mut reader = bench.store.read().await.unwrap();
    let seen = reader.invitations_to(&ada, NOON, 10).await.unwrap();
    assert_eq!(
        seen.iter().map(|own| own.project_slug.as_str()).collect::<Vec<_>>(),
        ["four", "one"]
    );
    assert_eq!(seen[1].invitation, *one);
    assert_eq!(seen[1].project_name, "ONE");
    assert!(reader.invitations_to(&ada, LATE, 10).await.unwrap().is_empty());
    assert_eq!(reader.invitations_to(&ada, NOON, 1).await.unwrap().len(), 1);

    let found = reader.invitation_to(&ada, one.id).await.unwrap().unwrap();
    assert_eq!(found.invitation.id, one.id);
    assert!(reader.invitation_to(&ada, three.id).await.unwrap().is_none());
    let stranger = address("bob@example.org");
    assert!(reader.invitation_to(&stranger, one.id).await.unwrap().is_none());
    assert!(reader.invitations_to(&stranger, NOON, 10).await.unwrap().is_empty());
}

pub(super) async fn late_invitations_expire(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let late = an_invitation(project, "ada@example.org");
    let early = Invitation {
        expires_at: LATE.plus_milliseconds(1),
        ..an_invitation(project, "bob@example.org")
    };
    bench.invite(&late).await.unwrap();
    bench.invite(&early).await.unwrap();
    let expire = |now| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.expire_invitations(now, 10).await }))
    };
    assert!(expire(LATE.plus_milliseconds(-1)).await.unwrap().is_empty());
    let expired = expire(LATE).await.unwrap();
    assert_eq!(expired.len(), 1);
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(
        reader.invitation(project, late.id).await.unwrap().as_ref(),
        expired.first()
    );
    assert_eq!(expired[0].status, InvitationStatus::Expired);
    bench.invite(&an_invitation(project, "ada@example.org")).await.unwrap();
}

pub(super) async fn invitations_of_another_project_are_out_of_reach(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let invitation = an_invitation(one, "ada@example.org");
    bench.invite(&invitation).await.unwrap();
    let mut reader = bench.store.read().await.unwrap();
    assert!(reader.invitation(two, invitation.id).await.unwrap().is_none());
    assert!(reader.invitations(two, list(None)).await.unwrap().items.is_empty());
    assert_eq!(reader.pending_invitations(two, NOON).await.unwrap(), 0);
    let ended = bench.end(two, invitation.id, InvitationStatus::Cancelled).await;
    assert!(matches!(ended, Err(Error::Stale { .. })));
    let kept = reader.invitation(one, invitation.id).await.unwrap();
    assert_eq!(kept, Some(invitation));
}

pub(super) async fn a_code_is_of_one_pending_invitation(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let (first, second) = (
        an_invitation(one, "ada@example.org"),
        an_invitation(two, "ada@example.org"),
    );
    bench.invite(&first).await.unwrap();
    bench.invite(&second).await.unwrap();
    let give = |project: ProjectId, id: InvitationId, code: &'static str| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.set_invitation_code(project, id, TokenHash::of(code)).await }))
    };
    give(one, first.id, "old").await.unwrap();
    give(one, first.id, "new").await.unwrap();
    assert!(give(two, first.id, "foreign").await.is_err());
    let mut reader = bench.store.read().await.unwrap();
    for (project, id, code, expected) in [
        (one, first.id, "new", true),
        (one, first.id, "old", false),
        (one, second.id, "new", false),
        (two, first.id, "new", false),
    ] {
        let is_code = reader.is_code_of(project, id, TokenHash::of(code)).await.unwrap();
        assert_eq!(is_code, expected, "{code}");
    }
    let (ada, bob) = ("ada@example.org".parse().unwrap(), "bob@example.org".parse().unwrap());
    let code = TokenHash::of("new");
    assert!(reader.is_invited_with(&ada, code, NOON).await.unwrap());
    assert!(!reader.is_invited_with(&bob, code, NOON).await.unwrap());
    assert!(!reader.is_invited_with(&ada, TokenHash::of("old"), NOON).await.unwrap());
    assert!(!reader.is_invited_with(&ada, code, first.expires_at).await.unwrap());
    let ended = bench.store.write(move |tx| {
        Box::pin(async move {
            tx.end_invitation(one, first.id, InvitationStatus::Cancelled, NOON)
                .await
        })
    });
    ended.await.unwrap();
    assert!(!reader.is_invited_with(&ada, code, NOON).await.unwrap());
    assert!(give(one, first.id, "late").await.is_err());
}
