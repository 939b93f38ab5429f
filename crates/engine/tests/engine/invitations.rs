//! Invitations: one at a time, answered by whoever proved the address, and by nobody else.

use codecourier_domain::id::InvitationId;
use codecourier_domain::member::MemberRole::{Admin, Member, Owner};
use codecourier_engine::invitations::InvitationStatus;
use codecourier_engine::{Error, ErrorCode};
use codecourier_store::changes::{ChangeOp, Scope};
use uuid::Uuid;

use crate::team::{TeamMail, key_of, with_team, with_team_and};

const DAY: i64 = 24 * 3_600_000;

fn told(error: &Error) -> (ErrorCode, Option<&str>) {
    (error.code, error.field.as_deref())
}

#[tokio::test]
async fn an_invitation_is_seen_by_both_sides_and_accepted() {
    with_team(|team| async move {
        let (ada, bob) = (team.person("ada").await, team.person("bob").await);
        let shop = team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let invitations = team.engine.invitations();
        let invited = invitations.invite(&grant, " Bob@Example.org ", Admin).await.unwrap();
        assert_eq!((invited.email.as_str(), invited.role), ("bob@example.org", Admin));
        assert_eq!(invited.inviter_name.as_deref(), Some("ada"));
        assert_eq!(invited.expires_at.since(invited.created_at), 14 * DAY);
        assert_eq!(team.role(bob, "shop").await, None, "not before they say yes");

        let mine = invitations.mine(bob).await.unwrap();
        assert_eq!(
            (mine[0].project_name.as_str(), mine[0].project_slug.as_str()),
            ("Shop", "shop")
        );
        assert_eq!(mine[0].invitation, invited);
        let told = team.changes(Scope::User(bob)).await.pop().unwrap();
        assert_eq!((told.kind.as_str(), told.id), ("invitation", invited.id.to_string()));
        let told = team.changes(Scope::Project(shop.id)).await.pop().unwrap();
        assert!(!told.body.as_str().contains('@'), "members do not see who is invited");

        assert_eq!(invitations.accept(bob, invited.id).await.unwrap(), "shop");
        assert_eq!(team.role(bob, "shop").await, Some(Admin));
        assert!(invitations.mine(bob).await.unwrap().is_empty());
        let listed = invitations.list(&grant, None, 10).await.unwrap().items;
        assert_eq!(listed[0].status, InvitationStatus::Accepted);
        let changes = team.changes(Scope::User(bob)).await;
        assert!(
            changes
                .iter()
                .any(|change| change.kind == "invitation" && change.op == ChangeOp::Delete)
        );
        let again = invitations.accept(bob, invited.id).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::Conflict);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_asked_twice_or_as_owner_or_without_an_address() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", Admin).await;
        let cyd = team.member(ada, "shop", "cyd", Member).await;
        let grant = team.grant(ada, "shop").await;
        let invitations = team.engine.invitations();
        invitations.invite(&grant, "eve@example.org", Member).await.unwrap();
        for (email, role, expected) in [
            ("EVE@example.org", Admin, (ErrorCode::Conflict, Some("email"))),
            ("bob@example.org", Member, (ErrorCode::Conflict, Some("email"))),
            ("ada@example.org", Member, (ErrorCode::Conflict, Some("email"))),
            ("x@example.org", Owner, (ErrorCode::Validation, Some("role"))),
            ("nobody", Member, (ErrorCode::Validation, Some("email"))),
            ("a@b\r\nBcc: c@d", Member, (ErrorCode::Validation, Some("email"))),
        ] {
            let error = invitations.invite(&grant, email, role).await.unwrap_err();
            assert_eq!(told(&error), expected, "{email:?}");
        }
        let by_admin = team.grant(bob, "shop").await;
        invitations.invite(&by_admin, "y@example.org", Admin).await.unwrap();
        let by_member = team.grant(cyd, "shop").await;
        let refused = invitations
            .invite(&by_member, "z@example.org", Member)
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let key = team.engine.access().project(&key_of(&grant), "shop").await.unwrap();
        let by_key = invitations.invite(&key, "z@example.org", Member).await.unwrap();
        assert_eq!((by_key.inviter, by_key.inviter_name), (key.actor, None));
    })
    .await;
}

#[tokio::test]
async fn only_who_proved_the_address_can_answer() {
    with_team(|team| async move {
        let (ada, eve) = (team.person("ada").await, team.person("eve").await);
        let unproved = team.account("bob", None).await;
        team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let invitations = team.engine.invitations();
        let invited = invitations.invite(&grant, "bob@example.org", Member).await.unwrap();
        let never = invitations
            .accept(eve, InvitationId::from_uuid(Uuid::now_v7()))
            .await
            .unwrap_err();
        for user in [eve, unproved, ada] {
            for error in [
                invitations.accept(user, invited.id).await.unwrap_err(),
                invitations.decline(user, invited.id).await.unwrap_err(),
            ] {
                assert_eq!((error.code, &error.message), (ErrorCode::NotFound, &never.message));
            }
            assert!(invitations.mine(user).await.unwrap().is_empty());
        }
        assert_eq!(team.role(unproved, "shop").await, None);
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_declined_cancelled_or_forgotten() {
    with_team(|team| async move {
        let (ada, bob) = (team.person("ada").await, team.person("bob").await);
        team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let invitations = team.engine.invitations();
        let invite = || async { invitations.invite(&grant, "bob@example.org", Member).await };

        let declined = invite().await.unwrap();
        invitations.decline(bob, declined.id).await.unwrap();
        let cancelled = invite().await.unwrap();
        invitations.cancel(&grant, cancelled.id).await.unwrap();
        let forgotten = invite().await.unwrap();
        team.clock.advance(14 * DAY);
        for ended in [&declined, &cancelled, &forgotten] {
            let error = invitations.accept(bob, ended.id).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Conflict);
        }
        assert!(invitations.mine(bob).await.unwrap().is_empty());
        let statuses = |items: Vec<codecourier_engine::invitations::InvitationView>| {
            items
                .into_iter()
                .map(|invitation| invitation.status)
                .collect::<Vec<_>>()
        };
        use InvitationStatus::{Cancelled, Declined, Expired, Pending};
        let listed = invitations.list(&grant, None, 10).await.unwrap().items;
        assert_eq!(statuses(listed), [Expired, Cancelled, Declined]);
        assert_eq!(invitations.expire().await.unwrap(), 1);
        assert_eq!(invitations.expire().await.unwrap(), 0);
        let told = team.changes(Scope::User(bob)).await.pop().unwrap();
        assert_eq!(
            (told.kind.as_str(), told.id, told.op),
            ("invitation", forgotten.id.to_string(), ChangeOp::Delete)
        );
        // A forgotten one does not stand in the way of the next.
        let again = invite().await.unwrap();
        let listed = invitations.list(&grant, None, 10).await.unwrap().items;
        assert_eq!(statuses(listed), [Pending, Expired, Cancelled, Declined]);
        invitations.cancel(&grant, again.id).await.unwrap();
        let twice = invitations.cancel(&grant, again.id).await.unwrap_err();
        assert_eq!(twice.code, ErrorCode::Conflict);
        assert_eq!(team.role(bob, "shop").await, None);
    })
    .await;
}

#[tokio::test]
async fn invitations_of_another_or_a_deleted_project_are_out_of_reach() {
    with_team(|team| async move {
        let (ada, bob, eve) = (
            team.person("ada").await,
            team.person("bob").await,
            team.person("eve").await,
        );
        team.project(ada, "One").await;
        team.project(eve, "Two").await;
        let (one, two) = (team.grant(ada, "one").await, team.grant(eve, "two").await);
        let invitations = team.engine.invitations();
        let invited = invitations.invite(&one, "bob@example.org", Member).await.unwrap();
        let foreign = invitations.cancel(&two, invited.id).await.unwrap_err();
        assert_eq!(foreign.code, ErrorCode::NotFound);
        assert!(invitations.list(&two, None, 10).await.unwrap().items.is_empty());
        team.engine.projects().delete(&one, "One").await.unwrap();
        assert!(invitations.mine(bob).await.unwrap().is_empty());
        let deleted = invitations.accept(bob, invited.id).await.unwrap_err();
        assert_eq!(deleted.code, ErrorCode::NotFound);
        team.engine.projects().restore(ada, "one").await.unwrap();
        invitations.accept(bob, invited.id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_mailed_and_mailed_again_and_no_code_is_shown() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let invitations = team.engine.invitations();
        let invited = invitations.invite(&grant, "bob@example.org", Admin).await.unwrap();
        assert_eq!(invited.code, None);
        let mail = team.postbox.next().await;
        assert_eq!(mail.to.as_str(), "bob@example.org");
        let link = format!("/invitations/{}", invited.id);
        for expected in ["ada invites you to the project “Shop”, as an admin", &link, "14 days"] {
            assert!(mail.text.contains(expected), "`{expected}` in {}", mail.text);
        }
        let again = invitations.resend(&grant, invited.id).await.unwrap();
        assert_eq!((again.id, again.code), (invited.id, None));
        assert_ne!(
            team.postbox.next().await.id,
            mail.id,
            "another mail, not the same one twice"
        );
        assert!(team.actions(&grant).await.contains(&"invitation.resend".to_owned()));

        // A mailbox is spared, and whoever is refused is told until when.
        let mut refused = None;
        for _ in 0..5 {
            refused = refused.or(invitations.resend(&grant, invited.id).await.err());
        }
        let refused = refused.unwrap();
        assert_eq!(refused.code, ErrorCode::RateLimited);
        assert!(refused.retry_after.is_some());
        invitations.cancel(&grant, invited.id).await.unwrap();
        let ended = invitations.resend(&grant, invited.id).await.unwrap_err();
        assert_eq!(ended.code, ErrorCode::Conflict);
        let bob = team.member(ada, "shop", "cyd", Member).await;
        let by_member = invitations.resend(&team.grant(bob, "shop").await, invited.id).await;
        assert_eq!(by_member.unwrap_err().code, ErrorCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn without_mail_an_invitation_is_accepted_by_the_code_that_was_shown_once() {
    with_team_and(TeamMail::None, |team| async move {
        let ada = team.person("ada").await;
        let bob = team.account("bob", None).await;
        let eve = team.account("eve", None).await;
        team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let invitations = team.engine.invitations();
        let invited = invitations.invite(&grant, "bob@example.org", Member).await.unwrap();
        let old = invited.code.clone().unwrap().expose().to_owned();
        let listed = invitations.list(&grant, None, 10).await.unwrap().items;
        assert_eq!(listed[0].code, None, "it is shown once");
        // An address that nobody proved is not enough, whoever knows the identifier.
        assert_eq!(
            invitations.accept(bob, invited.id).await.unwrap_err().code,
            ErrorCode::NotFound
        );

        let again = invitations.resend(&grant, invited.id).await.unwrap();
        let code = again.code.unwrap().expose().to_owned();
        let other = invitations.invite(&grant, "dan@example.org", Member).await.unwrap();
        let foreign = other.code.unwrap().expose().to_owned();
        for (user, wrong) in [
            (bob, old.as_str()),
            (bob, foreign.as_str()),
            (bob, ""),
            (bob, "cci_"),
            (eve, code.as_str()),
        ] {
            let refused = invitations.redeem(user, invited.id, wrong).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::NotFound);
        }
        assert_eq!(invitations.redeem(bob, invited.id, &code).await.unwrap(), "shop");
        assert_eq!(team.role(bob, "shop").await, Some(Member));
        let twice = invitations.redeem(bob, invited.id, &code).await.unwrap_err();
        assert_eq!(twice.code, ErrorCode::Conflict);
        // No trace of a code is where people look.
        let everything = codecourier_engine::audit::AuditFilter::default();
        let audit = team.engine.audit().list(&grant, &everything, None, 100).await.unwrap();
        assert!(!format!("{:?}", audit.items).contains("cci_"));
        let changes = team.changes(Scope::User(bob)).await;
        assert!(changes.iter().all(|change| !change.body.as_str().contains("cci_")));
    })
    .await;
}
