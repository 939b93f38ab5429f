//! The audit log: what its readers get, filtered, and as a file.

use bytes::Bytes;
use codecourier_domain::actor::Actor;
use codecourier_domain::id::AuditEntryId;
use codecourier_domain::member::MemberRole::Member;
use codecourier_domain::time::Clock as _;
use codecourier_engine::Error;
use codecourier_engine::access::ProjectGrant;
use codecourier_engine::audit::{AuditFilter, ExportFormat};
use codecourier_store::Body;
use codecourier_store::audit::{AuditScope, NewAuditEntry};
use futures::TryStreamExt as _;
use uuid::Uuid;

use crate::team::{Team, user_of, with_team};

async fn export(team: &Team, grant: &ProjectGrant, filter: AuditFilter, format: ExportFormat) -> String {
    let pieces: Result<Vec<Bytes>, Error> = team.engine.audit().export(grant, filter, format).try_collect().await;
    String::from_utf8(pieces.unwrap().concat()).unwrap()
}

#[tokio::test]
async fn the_log_is_filtered_by_actor_action_and_time() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        team.clock.advance(60_000);
        let before_bob = team.clock.now();
        let bob = team.member(ada, "shop", "bob", Member).await;
        let grant = team.grant(ada, "shop").await;
        let found = |filter: AuditFilter| {
            let (team, grant) = (team.clone(), grant.clone());
            async move {
                let page = team.engine.audit().list(&grant, &filter, None, 100).await.unwrap();
                page.items.into_iter().map(|entry| entry.action).collect::<Vec<_>>()
            }
        };
        let by_bob = AuditFilter {
            actor: Some(Actor::User(bob)),
            ..AuditFilter::default()
        };
        assert_eq!(found(by_bob).await, ["member.join", "invitation.accept"]);
        let joins = AuditFilter {
            action: Some("member.join".to_owned()),
            ..AuditFilter::default()
        };
        assert_eq!(found(joins).await, ["member.join"]);
        let early = AuditFilter {
            until: Some(before_bob),
            ..AuditFilter::default()
        };
        assert_eq!(found(early).await, ["project.create"]);
        let late = AuditFilter {
            from: Some(before_bob),
            ..AuditFilter::default()
        };
        assert_eq!(found(late).await.len(), 3);
        let page = team
            .engine
            .audit()
            .list(&grant, &AuditFilter::default(), None, 1)
            .await
            .unwrap();
        assert_eq!(page.items[0].actor_name.as_deref(), Some("bob"));
        assert!(page.next.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_is_older_than_two_years_goes() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        team.clock.advance(731 * 24 * 3_600_000);
        team.member(ada, "shop", "bob", Member).await;
        assert_eq!(team.engine.audit().trim().await.unwrap(), 0);
        team.clock.advance(100 * 24 * 3_600_000);
        assert_eq!(team.engine.audit().trim().await.unwrap(), 1);
        let left = team.actions(&grant).await;
        assert!(
            !left.contains(&"project.create".to_owned()) && left.len() == 3,
            "{left:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_log_is_exported_whole_and_harmless() {
    with_team(|team| async move {
        let (ada, eve) = (team.person("ada").await, team.person("eve").await);
        team.project(ada, "Shop").await;
        team.project(eve, "Other").await;
        let grant = team.grant(ada, "shop").await;
        let (scope, actor, at) = (AuditScope::Project(grant.project), grant.actor, team.clock.now());
        // More than is read at a time, some of it hostile.
        let write = team.store.write(move |tx| {
            Box::pin(async move {
                for number in 0..1200 {
                    let entry = NewAuditEntry {
                        address: None,
                        id: AuditEntryId::from_uuid(Uuid::now_v7()),
                        scope,
                        at,
                        actor,
                        action: "variable.update",
                        target_kind: "variable",
                        target: format!("=HYPERLINK(\"{number}\")"),
                        detail: Body::of(&serde_json::json!({ "name": "line\nbreak, \"quoted\"" }))?,
                    };
                    tx.append_audit(entry).await?;
                }
                Ok(())
            })
        });
        write.await.unwrap();
        let csv = export(&team, &grant, AuditFilter::default(), ExportFormat::Csv).await;
        let mut lines = csv.split("\r\n");
        assert_eq!(
            lines.next(),
            Some("id,at,actor,actorName,action,targetKind,target,detail,address")
        );
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 1201);
        assert!(lines[0].contains(r#","'=HYPERLINK(""1199"")","#), "{}", lines[0]);
        assert!(
            lines[0].contains(r#""ada""#) && lines[0].contains(r#"\""quoted\"""#),
            "{}",
            lines[0]
        );
        assert!(!csv.contains(",\"="), "a formula");

        let json = export(&team, &grant, AuditFilter::default(), ExportFormat::JsonLines).await;
        let entries: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(entries.len(), 1201);
        assert_eq!(entries[0]["target"], "=HYPERLINK(\"1199\")");
        assert_eq!(entries[1200]["action"], "project.create");
        assert_eq!(entries[0]["detail"]["name"], "line\nbreak, \"quoted\"");
        assert_eq!(entries[0]["actor"], user_of(&grant).to_string());

        let none = AuditFilter {
            action: Some("nothing".to_owned()),
            ..AuditFilter::default()
        };
        let csv = export(&team, &grant, none.clone(), ExportFormat::Csv).await;
        assert_eq!(csv.lines().count(), 1);
        assert_eq!(export(&team, &grant, none, ExportFormat::JsonLines).await, "");
        // Another project's log has nothing of it.
        let other = team.grant(eve, "other").await;
        let json = export(&team, &other, AuditFilter::default(), ExportFormat::JsonLines).await;
        assert_eq!(json.lines().count(), 1);
    })
    .await;
}
