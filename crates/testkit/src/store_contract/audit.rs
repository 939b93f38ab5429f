//! The audit log: newest first, filtered, in pages that meet, and of one scope.

use std::net::{IpAddr, Ipv6Addr};

use codecourier_domain::actor::Actor;
use codecourier_domain::id::AuditEntryId;
use codecourier_domain::time::Timestamp;
use codecourier_store::Error;
use codecourier_store::audit::{AuditEntry, AuditList, AuditScope, NewAuditEntry};
use uuid::Uuid;

use super::{Bench, NOON, body, user_id};

const ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn an_entry(scope: AuditScope, at: Timestamp, actor: Actor, action: &'static str) -> NewAuditEntry {
    NewAuditEntry {
        address: Some(ADDRESS),
        id: AuditEntryId::from_uuid(Uuid::now_v7()),
        scope,
        at,
        actor,
        action,
        target_kind: "member",
        target: "usr_x".to_owned(),
        detail: body("detail"),
    }
}

impl Bench {
    async fn audit(&self, entry: NewAuditEntry) -> AuditEntryId {
        let id = entry.id;
        self.store
            .write(move |tx| Box::pin(async move { tx.append_audit(entry).await }))
            .await
            .unwrap();
        id
    }

    async fn audited(&self, scope: AuditScope, list: AuditList) -> Vec<AuditEntry> {
        let mut reader = self.store.read().await.unwrap();
        reader.audit_entries(scope, &list).await.unwrap().items
    }
}

const fn all() -> AuditList {
    AuditList {
        actor: None,
        action: None,
        from: None,
        until: None,
        after: None,
        limit: 100,
    }
}

pub(super) async fn entries_are_newest_first_and_filtered(bench: &Bench) {
    let project = AuditScope::Project(bench.project("one", 1).await);
    let (ada, bob) = (Actor::User(bench.user().await), Actor::User(user_id()));
    let at = |minutes: i64| NOON.plus_milliseconds(minutes * 60_000);
    let mut ids = Vec::new();
    for (minute, actor, action) in [
        (0, ada, "member.remove"),
        (1, bob, "member.remove"),
        (2, ada, "settings.update"),
        (3, Actor::System, "settings.update"),
    ] {
        ids.push(bench.audit(an_entry(project, at(minute), actor, action)).await);
    }
    let listed = bench.audited(project, all()).await;
    assert_eq!(
        listed.iter().map(|entry| entry.id).collect::<Vec<_>>(),
        [ids[3], ids[2], ids[1], ids[0]]
    );
    let first = &listed[3];
    assert_eq!(
        (first.scope, first.actor, first.action.as_str()),
        (project, ada, "member.remove")
    );
    assert_eq!((first.target_kind.as_str(), first.target.as_str()), ("member", "usr_x"));
    assert_eq!(
        (first.at, &first.detail, first.address),
        (NOON, &body("detail"), Some(ADDRESS))
    );
    assert_eq!(
        (first.actor_name.as_deref(), listed[2].actor_name.as_deref()),
        (Some("Ada"), None)
    );

    let found = |list: AuditList| {
        let ids = ids.clone();
        async move {
            let listed = bench.audited(project, list).await;
            let places = listed.iter().map(|entry| ids.iter().position(|id| *id == entry.id));
            places.map(Option::unwrap).collect::<Vec<_>>()
        }
    };
    let actor = Some(ada);
    let action = Some("settings.update".to_owned());
    assert_eq!(found(AuditList { actor, ..all() }).await, [2, 0]);
    assert_eq!(
        found(AuditList {
            action: action.clone(),
            ..all()
        })
        .await,
        [3, 2]
    );
    assert_eq!(found(AuditList { actor, action, ..all() }).await, [2]);
    let (from, until) = (Some(at(1)), Some(at(3)));
    assert_eq!(found(AuditList { from, until, ..all() }).await, [2, 1]);
    let nothing = Some("member.add".to_owned());
    assert!(
        found(AuditList {
            action: nothing,
            ..all()
        })
        .await
        .is_empty()
    );
}

pub(super) async fn pages_of_the_audit_log_meet(bench: &Bench) {
    let project = AuditScope::Project(bench.project("one", 1).await);
    for number in 0..7 {
        // Several at the same moment.
        let at = NOON.plus_milliseconds(number / 3);
        bench
            .audit(an_entry(project, at, Actor::Operator, "member.remove"))
            .await;
    }
    let mut reader = bench.store.read().await.unwrap();
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let list = AuditList {
            after,
            limit: 2,
            ..all()
        };
        let page = reader.audit_entries(project, &list).await.unwrap();
        seen.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, bench.audited(project, all()).await);
    assert_eq!(seen.len(), 7);
}

pub(super) async fn a_log_is_of_its_scope_alone(bench: &Bench) {
    let one = AuditScope::Project(bench.project("one", 1).await);
    let two = AuditScope::Project(bench.project("two", 1).await);
    for scope in [one, AuditScope::Installation] {
        bench
            .audit(an_entry(scope, NOON, Actor::Operator, "project.create"))
            .await;
    }
    assert!(bench.audited(two, all()).await.is_empty());
    assert_eq!(bench.audited(one, all()).await.len(), 1);
    assert_eq!(bench.audited(AuditScope::Installation, all()).await.len(), 1);
}

pub(super) async fn an_undone_command_leaves_no_entry(bench: &Bench) {
    let project = AuditScope::Project(bench.project("one", 1).await);
    let undone = bench.store.write::<(), _>(move |tx| {
        Box::pin(async move {
            tx.append_audit(an_entry(project, NOON, Actor::Operator, "member.remove"))
                .await?;
            Err(Error::Fenced)
        })
    });
    assert!(undone.await.is_err());
    assert!(bench.audited(project, all()).await.is_empty());
}

pub(super) async fn retention_takes_the_oldest_entries(bench: &Bench) {
    let project = AuditScope::Project(bench.project("one", 1).await);
    for number in 0..5 {
        let at = NOON.plus_milliseconds(number);
        bench
            .audit(an_entry(project, at, Actor::Operator, "member.remove"))
            .await;
    }
    let trim = |before, limit| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.trim_audit(before, limit).await }))
    };
    assert_eq!(trim(NOON.plus_milliseconds(3), 2).await.unwrap(), 2);
    assert_eq!(trim(NOON.plus_milliseconds(3), 2).await.unwrap(), 1);
    let left = bench.audited(project, all()).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|entry| entry.at >= NOON.plus_milliseconds(3)));
}
