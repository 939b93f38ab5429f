//! The issuer says that somebody has left.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_engine::access::Credential;
use codecourier_engine::external::Webhook;
use codecourier_engine::live::{Query, Told};
use codecourier_engine::{Error, ErrorCode};
use codecourier_testkit::outside::key_server::KeyServer;
use codecourier_testkit::outside::signing::{SigningKey, webhook_headers};
use codecourier_testkit::outside::world::WEBHOOK_SECRET;
use codecourier_testkit::people::People;
use serde_json::json;

use super::tokens::claims;
use super::{MINUTE, world_of_issuer};
use crate::team::{Team, on};

/// A server that trusts an issuer, and the issuer's key.
struct Scene {
    team: Team,
    key: SigningKey,
    issuer: String,
}

async fn with_issuer<F>(test: impl FnOnce(Scene) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let key = SigningKey::ec("one");
    let server = KeyServer::start(&[&key]).await;
    let world = world_of_issuer(&server);
    let engine = world.start().await;
    let issuer = server.issuer();
    on(&world, &engine, |team| test(Scene { team, key, issuer })).await;
    engine.kill().await;
}

impl Scene {
    fn token(&self, name: &str) -> String {
        let email = format!("{name}@example.org");
        self.key.token(&claims(
            &self.issuer,
            &format!("user_{name}"),
            &email,
            self.team.clock_now(),
        ))
    }

    async fn person(&self, name: &str) -> UserId {
        self.team.show(&self.token(name)).await.unwrap().user
    }

    async fn send(&self, id: &str, body: &str) -> Result<(), Error> {
        let now = self.team.clock_now().milliseconds() / 1000;
        let [id, timestamp, signatures] = webhook_headers(WEBHOOK_SECRET, id, now, body);
        let webhook = Webhook {
            id: &id,
            timestamp: &timestamp,
            signatures: &signatures,
            body: body.as_bytes(),
        };
        self.team.engine.external().heed(webhook).await
    }

    async fn leave(&self, id: &str, name: &str) {
        let data = json!({ "deleted": true, "id": format!("user_{name}"), "object": "user" });
        let body = json!({ "data": data, "object": "event", "type": "user.deleted" });
        self.send(id, &body.to_string()).await.unwrap();
    }

    async fn is_erased(&self, user: UserId) -> bool {
        let account = self
            .team
            .store
            .read()
            .await
            .unwrap()
            .account(user)
            .await
            .unwrap()
            .unwrap();
        account.deleted_at.is_some() && account.email.is_none() && account.name.is_empty()
    }
}

#[tokio::test]
async fn who_has_left_is_gone_and_stays_out() {
    with_issuer(async |scene| {
        scene.person("operator").await;
        let ada = scene.person("ada").await;
        let token = scene.token("ada");
        scene.leave("msg_1", "ada").await;
        assert!(scene.is_erased(ada).await);
        let refused = scene.team.show(&token).await.unwrap_err();
        assert_eq!(
            refused.code,
            ErrorCode::AuthInvalid,
            "a token that lives on brings the account back"
        );
        // The same message again, and another one about the same person.
        scene.leave("msg_1", "ada").await;
        scene.leave("msg_2", "ada").await;
        assert!(scene.team.show(&token).await.is_err());

        // Somebody whom nobody here has seen.
        scene.leave("msg_3", "bob").await;
        assert!(scene.team.show(&scene.token("bob")).await.is_err());
        // Messages about other things.
        scene
            .send("msg_4", r#"{"type":"user.updated","data":{}}"#)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn projects_go_to_who_comes_next() {
    with_issuer(async |scene| {
        let team = &scene.team;
        let operator = scene.person("operator").await;
        let ada = scene.person("ada").await;
        let shared = team.project(ada, "Shared").await.slug.to_string();
        let own = team.project(ada, "Own").await.slug.to_string();
        let with_member = team.project(ada, "With a member").await.slug.to_string();
        let member = team.member(ada, &shared, "member", MemberRole::Member).await;
        let admin = team.member(ada, &shared, "admin", MemberRole::Admin).await;
        team.bring(ada, &with_member, member, "member", MemberRole::Member)
            .await;

        team.clock.advance(1_000);
        scene.leave("msg_1", "ada").await;
        assert!(scene.is_erased(ada).await);
        assert_eq!(team.role(admin, &shared).await, Some(MemberRole::Owner));
        assert_eq!(team.role(member, &shared).await, Some(MemberRole::Member));
        assert_eq!(team.role(member, &with_member).await, Some(MemberRole::Owner));
        assert_eq!(team.role(operator, &own).await, Some(MemberRole::Owner));
        for project in [&shared, &own, &with_member] {
            assert_eq!(team.role(ada, project).await, None);
        }
        let actions = team.actions(&team.grant(admin, &shared).await).await;
        let mut last = actions[actions.len() - 2..].to_vec();
        last.sort();
        assert_eq!(last, ["member.leave", "member.role"]);
    })
    .await;
}

#[tokio::test]
async fn the_only_operator_is_locked_out_and_not_erased() {
    with_issuer(async |scene| {
        let operator = scene.person("operator").await;
        scene.leave("msg_1", "operator").await;
        assert!(!scene.is_erased(operator).await);
        assert!(scene.team.show(&scene.token("operator")).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn what_the_issuer_did_not_sign_now_is_not_heeded() {
    with_issuer(async |scene| {
        scene.person("operator").await;
        let ada = scene.person("ada").await;
        let body = r#"{"type":"user.deleted","data":{"id":"user_ada"}}"#;
        let now = scene.team.clock_now().milliseconds() / 1000;
        let [id, timestamp, signatures] = webhook_headers(WEBHOOK_SECRET, "msg_1", now, body);
        let good = Webhook {
            id: &id,
            timestamp: &timestamp,
            signatures: &signatures,
            body: body.as_bytes(),
        };
        let external = scene.team.engine.external();
        for forged in [
            Webhook { id: "msg_2", ..good },
            Webhook { timestamp: "1", ..good },
            Webhook { signatures: "", ..good },
            Webhook {
                body: br#"{"type":"user.deleted","data":{"id":"user_operator"}}"#,
                ..good
            },
        ] {
            assert_eq!(external.heed(forged).await.unwrap_err().code, ErrorCode::AuthInvalid);
        }
        scene.team.clock.advance(6 * MINUTE);
        assert_eq!(
            external.heed(good).await.unwrap_err().code,
            ErrorCode::AuthInvalid,
            "an old message"
        );
        for nonsense in [
            "",
            "[]",
            r#"{"type":7}"#,
            r#"{"type":"user.deleted"}"#,
            r#"{"type":"user.deleted","data":{"id":""}}"#,
        ] {
            assert_eq!(
                scene.send("msg_3", nonsense).await.unwrap_err().code,
                ErrorCode::Validation,
                "{nonsense}"
            );
        }
        assert!(!scene.is_erased(ada).await);
        scene.leave("msg_3", "ada").await;
        assert!(
            scene.is_erased(ada).await,
            "a message that was not understood was noted as heeded"
        );
    })
    .await;
}

#[tokio::test]
async fn who_leaves_is_signed_out_and_told_nothing_more_at_once() {
    with_issuer(async |scene| {
        scene.person("operator").await;
        let ada = scene.person("ada").await;
        let session = People::new(scene.team.store.clone()).sign_in(ada).await;
        let live = scene.team.engine.live();
        let mut watches = Vec::new();
        for credential in [
            Credential::from_bearer(&scene.token("ada")).unwrap(),
            Credential::Session(session.token),
        ] {
            let mut watch = live.watch(credential.clone()).await.unwrap();
            watch.subscribe("mine".into(), Query::User, None).await.unwrap();
            assert!(matches!(watch.next().await, Told::Snapshot { .. }));
            watches.push((credential, watch));
        }
        scene.leave("msg_1", "ada").await;
        for (credential, mut watch) in watches {
            let ended = watch.next().await;
            let is_out = matches!(&ended, Told::SignedOut(error) if error.code == ErrorCode::AuthInvalid);
            assert!(is_out, "{ended:?}");
            let again = live.watch(credential).await.err();
            assert_eq!(again.map(|error| error.code), Some(ErrorCode::AuthInvalid));
        }
    })
    .await;
}
