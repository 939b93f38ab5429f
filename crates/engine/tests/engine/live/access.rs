//! Who is told, and from when on no more.

use codecourier_domain::member::MemberRole;
use codecourier_engine::ErrorCode;
use codecourier_engine::access::Credential;
use codecourier_engine::live::{Query, Told};
use codecourier_store::changes::Scope;
use futures::FutureExt as _;

use super::{Shop, frames, in_shop, kind, numbers, on_both, opened, project, world};

#[tokio::test]
async fn a_removed_member_is_told_nothing_more_not_even_what_was_on_its_way() {
    on_both(|shop: Shop| async move {
        let member = shop.people.sign_up("member").await;
        shop.people.join(shop.project, member.user, MemberRole::Member).await;
        let mut watch = shop.following(&member, None).await;
        let mut owner = shop.following(&shop.owner, None).await;
        let before = opened(&mut watch).await;
        opened(&mut owner).await;

        shop.change().await;
        let on_its_way = frames(&mut watch).await;
        shop.change().await;
        shop.people.remove(shop.project, member.user).await;
        shop.change().await;
        assert!(!watch.may_tell("a", &on_its_way[0]).await);
        match watch.next().await {
            Told::Ended { name, error } => assert_eq!((&*name, error.code), ("a", ErrorCode::NotFound)),
            other => panic!("{other:?}"),
        }
        assert!(watch.next().now_or_never().is_none());
        let refused = watch.subscribe("b".into(), project(), None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);

        // The others are told everything, and of the removal.
        assert_eq!(
            numbers(&mut owner, 4).await,
            (before + 1..=before + 4).collect::<Vec<_>>()
        );
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_removal_disturbs_nobody() {
    in_shop(world(), |shop| async move {
        let mut owner = shop.following(&shop.owner, None).await;
        let before = opened(&mut owner).await;
        for name in ["one", "two", "three"] {
            let member = shop.people.sign_up(name).await;
            shop.people.join(shop.project, member.user, MemberRole::Member).await;
            shop.people.remove(shop.project, member.user).await;
        }
        assert_eq!(
            numbers(&mut owner, 6).await,
            (before + 1..=before + 6).collect::<Vec<_>>()
        );
    })
    .await;
}

#[tokio::test]
async fn a_removal_in_the_middle_of_a_stream_is_the_last_thing_that_happens() {
    on_both(|shop: Shop| async move {
        let member = shop.people.sign_up("member").await;
        shop.people.join(shop.project, member.user, MemberRole::Member).await;
        let mut watch = shop.following(&member, None).await;
        opened(&mut watch).await;
        let writing = async {
            for _ in 0..100 {
                shop.change().await;
            }
            shop.people.remove(shop.project, member.user).await;
            let removed_at = shop.head().await;
            for _ in 0..100 {
                shop.change().await;
            }
            removed_at
        };
        let following = async {
            let mut last = 0;
            loop {
                match watch.next().await {
                    Told::Frames { frames, .. } => last = frames.last().unwrap().seq().unwrap(),
                    Told::Ended { .. } => return last,
                    other => panic!("{other:?}"),
                }
            }
        };
        let (removed_at, last) = futures::join!(writing, following);
        assert!(last < removed_at, "{last} was told, and {removed_at} was the removal");
    })
    .await;
}

#[tokio::test]
async fn who_signs_out_is_told_nothing_more_and_other_devices_go_on() {
    on_both(|shop: Shop| async move {
        let elsewhere = shop.people.sign_in(shop.owner.user).await;
        let mut here = shop.following(&shop.owner, None).await;
        let mut there = shop.following(&elsewhere, None).await;
        opened(&mut here).await;
        opened(&mut there).await;
        shop.people.sign_out(&shop.owner).await;
        let number = shop.change().await;
        match here.next().await {
            Told::SignedOut(error) => assert_eq!(error.code, ErrorCode::AuthInvalid),
            other => panic!("{other:?}"),
        }
        assert_eq!(numbers(&mut there, 1).await, [number]);
        let again = Credential::Session(shop.owner.token.clone());
        assert_eq!(
            shop.engine.live().watch(again).await.err().unwrap().code,
            ErrorCode::AuthInvalid
        );
    })
    .await;
}

#[tokio::test]
async fn a_lesser_role_sees_less_from_then_on() {
    in_shop(world(), |shop| async move {
        let admin = shop.people.sign_up("admin").await;
        shop.people.join(shop.project, admin.user, MemberRole::Admin).await;
        let mut watch = shop.following(&admin, None).await;
        opened(&mut watch).await;
        let scope = Scope::Project(shop.project);
        shop.people.change(scope, "settings", "settings", ()).await;
        assert_eq!(kind(&frames(&mut watch).await[0]), "settings");
        shop.people.set_role(shop.project, admin.user, MemberRole::Member).await;
        shop.people.change(scope, "settings", "settings", ()).await;
        shop.change().await;
        let mut kinds = Vec::new();
        while kinds.len() < 2 {
            kinds.extend(frames(&mut watch).await.iter().map(|frame| kind(frame)));
        }
        assert_eq!(kinds, ["member", "run"]);
    })
    .await;
}

#[tokio::test]
async fn strangers_and_ordinary_people_are_refused() {
    in_shop(world(), |shop| async move {
        let stranger = shop.people.sign_up("stranger").await;
        let mut watch = shop.watch(&stranger).await;
        let code = async |watch: &mut codecourier_engine::live::Watch, query| {
            watch.subscribe("a".into(), query, None).await.unwrap_err().code
        };
        assert_eq!(code(&mut watch, project()).await, ErrorCode::NotFound);
        let nowhere = Query::Project {
            project: "nowhere".to_owned(),
        };
        assert_eq!(code(&mut watch, nowhere).await, ErrorCode::NotFound);
        assert_eq!(code(&mut watch, Query::Installation).await, ErrorCode::Forbidden);
        watch.subscribe("mine".into(), Query::User, None).await.unwrap();

        let mut operator = shop.watch(&shop.owner).await;
        operator
            .subscribe("all".into(), Query::Installation, None)
            .await
            .unwrap();
        let no_run = Query::Run {
            project: "shop".to_owned(),
            run: codecourier_domain::id::RunId::from_uuid(uuid::Uuid::nil()),
        };
        assert_eq!(code(&mut operator, no_run).await, ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_key_sees_what_it_may_read_until_it_is_revoked() {
    on_both(|shop: Shop| async move {
        let key = shop
            .people
            .create_key(shop.project, &["project:read", "runs:read"])
            .await;
        let blind = shop.people.create_key(shop.project, &["runs:write"]).await;
        let watch_of = async |token| shop.engine.live().watch(Credential::ApiKey(token)).await;
        let mut watch = watch_of(key.token.clone()).await.unwrap();
        watch.subscribe("a".into(), project(), None).await.unwrap();
        opened(&mut watch).await;
        let refused = watch_of(blind.token)
            .await
            .unwrap()
            .subscribe("a".into(), project(), None)
            .await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::ScopeDenied);
        let refused = watch.subscribe("mine".into(), Query::User, None).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);

        let scope = Scope::Project(shop.project);
        shop.people.change(scope, "settings", "settings", ()).await;
        shop.people.change(scope, "member", "usr_x", ()).await;
        let number = shop.change().await;
        assert_eq!(
            numbers(&mut watch, 1).await,
            [number],
            "settings and members are not for this key"
        );
        shop.people.revoke_key(shop.project, key.id).await;
        shop.change().await;
        assert!(matches!(watch.next().await, Told::SignedOut(error) if error.code == ErrorCode::AuthInvalid));
    })
    .await;
}
