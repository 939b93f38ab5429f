//! Members: who may change whom, the last owner, and how leaving shows.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole::{self, Admin, Member, Owner};
use codecourier_engine::ErrorCode;
use codecourier_store::changes::{ChangeOp, Scope};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::always;
use codecourier_testkit::postgres::Server;
use uuid::Uuid;

use crate::agents::good;
use crate::team::{Team, key_of, on, with_team};

/// What an attempt came to.
fn code<T>(result: Result<T, codecourier_engine::Error>) -> Result<(), ErrorCode> {
    result.map(drop).map_err(|error| error.code)
}

#[tokio::test]
async fn the_members_are_listed_with_what_others_see_of_them() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        for name in ["bob", "cyd"] {
            team.clock.advance(1000);
            team.member(ada, "shop", name, Member).await;
        }
        let members = team.engine.members();
        let grant = team.grant(ada, "shop").await;
        let first = members.list(&grant, None, 2).await.unwrap();
        let rest = members.list(&grant, first.next, 2).await.unwrap();
        assert!(rest.next.is_none());
        let all = [first.items, rest.items].concat();
        let seen: Vec<_> = all
            .iter()
            .map(|member| {
                (
                    member.name.as_str(),
                    member.role,
                    member.email.as_ref().unwrap().as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("cyd", Member, "cyd@example.org"),
                ("bob", Member, "bob@example.org"),
                ("ada", Owner, "ada@example.org")
            ]
        );
    })
    .await;
}

/// Every role does every change of role to every other, and the outcome is the domain's rule.
#[tokio::test]
async fn only_owners_touch_admins_and_owners() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let cyd = team.member(ada, "shop", "cyd", Member).await;
        let members = team.engine.members();
        for (number, own) in MemberRole::ALL.into_iter().enumerate() {
            let actor = team.member(ada, "shop", &format!("actor{number}"), own).await;
            for from in MemberRole::ALL {
                let owner = team.grant(ada, "shop").await;
                for to in MemberRole::ALL {
                    members.change_role(&owner, cyd, from).await.unwrap();
                    let grant = team.grant(actor, "shop").await;
                    let allowed = own != Member && (from == to || own.may_change_role(from, to));
                    let changed = code(members.change_role(&grant, cyd, to).await);
                    assert_eq!(changed.is_ok(), allowed, "{own}: {from} -> {to}");
                    let now = team.role(cyd, "shop").await.unwrap();
                    assert_eq!(now, if allowed { to } else { from });
                    if !allowed {
                        assert_eq!(changed, Err(ErrorCode::Forbidden));
                    }
                }
                let grant = team.grant(actor, "shop").await;
                let removed = code(members.remove(&grant, cyd).await);
                // `cyd` has the last role of the loop or the first, whatever was allowed.
                let had = team.role(cyd, "shop").await;
                assert_eq!(removed.is_ok(), had.is_none());
                match had {
                    None => team.bring(ada, "shop", cyd, "cyd", Member).await,
                    Some(role) => assert!(!own.may_remove(role)),
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_project_is_never_without_an_owner() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let members = team.engine.members();
        let grant = team.grant(ada, "shop").await;
        let alone = members.leave(&grant).await.unwrap_err();
        assert_eq!(alone.code, ErrorCode::Conflict);
        assert!(alone.message.contains("Delete it"), "{alone}");
        let bob = team.member(ada, "shop", "bob", Admin).await;
        for refused in [
            members.change_role(&grant, ada, Member).await.map(drop),
            members.leave(&grant).await,
            members.remove(&grant, ada).await,
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.code, ErrorCode::Conflict);
            assert!(error.message.contains("needs an owner"), "{error}");
        }
        assert_eq!(team.role(ada, "shop").await, Some(Owner));
        members.change_role(&grant, bob, Owner).await.unwrap();
        members.leave(&grant).await.unwrap();
        assert_eq!(team.role(ada, "shop").await, None);
        assert_eq!(team.role(bob, "shop").await, Some(Owner));
    })
    .await;
}

#[tokio::test]
async fn a_project_is_handed_over() {
    with_team(|team| async move {
        let (ada, eve) = (team.person("ada").await, team.person("eve").await);
        team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", Member).await;
        let members = team.engine.members();
        let grant = team.grant(ada, "shop").await;
        assert_eq!(code(members.transfer(&grant, eve).await), Err(ErrorCode::NotFound));
        assert_eq!(code(members.transfer(&grant, ada).await), Err(ErrorCode::Conflict));
        let by_member = members.transfer(&team.grant(bob, "shop").await, bob).await;
        assert!(by_member.is_err());
        members.transfer(&grant, bob).await.unwrap();
        assert_eq!(team.role(ada, "shop").await, Some(Admin));
        assert_eq!(team.role(bob, "shop").await, Some(Owner));
        // The grant from before is worth what its holder is now.
        assert_eq!(code(members.transfer(&grant, bob).await), Err(ErrorCode::Forbidden));
        let key = team.engine.access().project(&key_of(&grant), "shop").await.unwrap();
        assert_eq!(code(members.transfer(&key, ada).await), Err(ErrorCode::Forbidden));
        assert_eq!(code(members.leave(&key).await), Err(ErrorCode::Forbidden));
    })
    .await;
}

#[tokio::test]
async fn a_removed_member_is_a_stranger_at_once_and_everybody_is_told() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let shop = team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", Admin).await;
        let members = team.engine.members();
        let (grant, held) = (team.grant(ada, "shop").await, team.grant(bob, "shop").await);
        team.engine.projects().enter(&held).await.unwrap();
        members.remove(&grant, bob).await.unwrap();
        assert_eq!(code(team.access(bob, "shop").await), Err(ErrorCode::NotFound));
        assert_eq!(team.engine.projects().last_active(bob).await.unwrap(), None);
        // A request that was let in before is not carried out after.
        let invitations = team.engine.invitations();
        assert_eq!(
            code(invitations.invite(&held, "eve@example.org", Member).await),
            Err(ErrorCode::NotFound)
        );
        assert_eq!(
            code(members.change_role(&held, ada, Member).await),
            Err(ErrorCode::NotFound)
        );
        assert_eq!(code(members.remove(&held, ada).await), Err(ErrorCode::NotFound));
        for (scope, id) in [
            (Scope::Project(shop.id), bob.to_string()),
            (Scope::User(bob), shop.id.to_string()),
        ] {
            let last = team.changes(scope).await.pop().unwrap();
            assert_eq!((last.kind.as_str(), last.id, last.op), ("member", id, ChangeOp::Delete));
            assert_eq!(last.actor, ada.to_string());
        }
        let actions = team.actions(&grant).await;
        assert_eq!(
            actions,
            [
                "project.create",
                "invitation.create",
                "invitation.accept",
                "member.join",
                "member.role",
                "member.remove"
            ]
        );
        assert_eq!(code(members.remove(&grant, bob).await), Err(ErrorCode::NotFound));
    })
    .await;
}

#[tokio::test]
async fn a_demotion_is_told_to_the_project_and_to_the_person() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let shop = team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", Admin).await;
        let grant = team.grant(ada, "shop").await;
        team.engine.members().change_role(&grant, bob, Member).await.unwrap();
        for scope in [Scope::Project(shop.id), Scope::User(bob)] {
            let last = team.changes(scope).await.pop().unwrap();
            assert_eq!((last.kind.as_str(), last.op), ("member", ChangeOp::Put));
            let body: serde_json::Value = last.body.read().unwrap();
            assert_eq!(body["role"], "member");
            assert!(
                !last.body.as_str().contains("example.org"),
                "addresses stay with accounts"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_end_of_an_account_leaves_no_project_without_an_owner() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Alone").await;
        team.project(ada, "Shared").await;
        let bob = team.member(ada, "shared", "bob", Member).await;
        let members = team.engine.members();
        let refused = members.leave_all(ada).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Conflict);
        assert!(refused.message.contains("`Shared`"), "{refused}");
        assert_eq!(team.role(ada, "alone").await, Some(Owner), "nothing was half done");
        let grant = team.grant(ada, "shared").await;
        members.change_role(&grant, bob, Owner).await.unwrap();
        members.leave_all(ada).await.unwrap();
        assert_eq!(team.role(ada, "shared").await, None);
        assert_eq!(team.role(bob, "shared").await, Some(Owner));
        assert_eq!(team.role(ada, "alone").await, None);
        let projects = team.engine.projects();
        assert!(projects.list_deleted(ada, None, 10).await.unwrap().items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn members_of_another_project_are_out_of_reach() {
    with_team(|team| async move {
        let (ada, bob) = (team.person("ada").await, team.person("bob").await);
        team.project(ada, "One").await;
        team.project(bob, "Two").await;
        let cyd = team.member(ada, "one", "cyd", Member).await;
        let foreign = team.grant(bob, "two").await;
        let members = team.engine.members();
        assert_eq!(code(members.remove(&foreign, cyd).await), Err(ErrorCode::NotFound));
        assert_eq!(
            code(members.change_role(&foreign, cyd, Admin).await),
            Err(ErrorCode::NotFound)
        );
        assert_eq!(code(members.transfer(&foreign, cyd).await), Err(ErrorCode::NotFound));
        let nobody = UserId::from_uuid(Uuid::now_v7());
        assert_eq!(code(members.remove(&foreign, nobody).await), Err(ErrorCode::NotFound));
        let listed = members.list(&foreign, None, 10).await.unwrap().items;
        assert_eq!(listed.len(), 1);
        assert_eq!(team.role(cyd, "one").await, Some(Member));
    })
    .await;
}

/// Two owners demote each other at the same moment, again and again: one of them stays.
async fn demote_each_other(team: Team, tries: usize) {
    let ada = team.person("ada").await;
    team.project(ada, "Shop").await;
    let bob = team.member(ada, "shop", "bob", Owner).await;
    let members = team.engine.members();
    for _ in 0..tries {
        let (by_ada, by_bob) = (team.grant(ada, "shop").await, team.grant(bob, "shop").await);
        let (first, second) = tokio::join!(
            members.change_role(&by_ada, bob, Admin),
            members.change_role(&by_bob, ada, Admin),
        );
        let (winner, loser) = match (code(first), code(second)) {
            (Ok(()), Err(ErrorCode::Forbidden)) => (by_ada, bob),
            (Err(ErrorCode::Forbidden), Ok(())) => (by_bob, ada),
            other => panic!("{other:?}"),
        };
        members.change_role(&winner, loser, Owner).await.unwrap();
        // And each themself: nobody else is left for the second one.
        let (by_ada, by_bob) = (team.grant(ada, "shop").await, team.grant(bob, "shop").await);
        let (first, second) = tokio::join!(members.leave(&by_ada), members.change_role(&by_bob, bob, Admin));
        match (code(first), code(second)) {
            (Ok(()), Err(ErrorCode::Conflict)) => {
                // An address is sent an invitation every ten minutes at most, in the long run.
                team.clock.advance(10 * 60_000);
                team.bring(bob, "shop", ada, "ada", Owner).await;
            }
            (Err(ErrorCode::Conflict), Ok(())) => {
                members.change_role(&by_ada, bob, Owner).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn of_two_owners_who_demote_each_other_one_stays() {
    with_team(|team| demote_each_other(team, 100)).await;
}

#[tokio::test]
async fn of_two_owners_who_demote_each_other_one_stays_on_postgres() {
    let url = tokio::task::spawn_blocking(|| Server::shared().create_database());
    let world = World::new(always(good())).on_postgres(url.await.unwrap());
    let engine = world.start().await;
    on(&world, &engine, |team| demote_each_other(team, 50)).await;
    engine.kill().await;
}
