//! Projects: their names and addresses, their pictures, their end and their return; and what strangers see of all that.

use bytes::Bytes;
use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::run::RunStatus;
use codecourier_engine::access::ProjectGrant;
use codecourier_engine::projects::{CreateProject, LOGO_LIMIT, LogoType, ProjectEdit, ProjectView, Projects};
use codecourier_engine::{Error, ErrorCode};
use codecourier_store::changes::{ChangeOp, Scope};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, always};
use uuid::Uuid;

use crate::agents::{good, single};
use crate::team::{Team, key_of, on, principal, with_team};

pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and a picture";

pub(crate) fn named(name: &str) -> CreateProject {
    CreateProject {
        name: name.to_owned(),
        ..CreateProject::default()
    }
}

fn with_slug(slug: &str) -> CreateProject {
    CreateProject {
        slug: Some(slug.to_owned()),
        ..named("Shop")
    }
}

pub(crate) fn renamed(slug: &str) -> ProjectEdit {
    ProjectEdit {
        slug: Some(slug.to_owned()),
        ..ProjectEdit::default()
    }
}

/// Changes a project as it is now.
pub(crate) async fn change(projects: &Projects, grant: &ProjectGrant, edit: ProjectEdit) -> Result<ProjectView, Error> {
    let seen = projects.get(grant).await?.revision;
    projects.update(grant, seen, edit).await
}

pub(crate) fn told(error: &Error) -> (ErrorCode, Option<&str>) {
    (error.code, error.field.as_deref())
}

#[tokio::test]
async fn a_project_gets_an_address_of_its_name() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        for (name, slug) in [
            ("My Shop", "my-shop"),
            ("My Shop", "my-shop-2"),
            ("my-shop!", "my-shop-3"),
            ("日本語", "project"),
            ("متجر", "project-2"),
            ("API", "api-project"),
            (&"long ".repeat(16), "long-long-long-long-long-long-long-long-long-lon"),
            (&"long ".repeat(16), "long-long-long-long-long-long-long-lon-2"),
        ] {
            let project = team.engine.projects().create(ada, named(name)).await.unwrap();
            assert_eq!((project.slug.as_str(), project.name.as_str()), (slug, name.trim()));
            assert_eq!(project.role, MemberRole::Owner);
            let grant = team.grant(ada, slug).await;
            assert_eq!((grant.project, grant.role), (project.id, MemberRole::Owner));
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_a_name_or_an_address_is_refused_with_its_field() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let projects = team.engine.projects();
        projects.create(ada, with_slug("shop")).await.unwrap();
        let taken = projects.create(ada, with_slug("shop")).await.unwrap_err();
        assert_eq!(told(&taken), (ErrorCode::Conflict, Some("slug")));
        assert!(taken.message.contains("`shop-2` is free"), "{taken}");
        for slug in [
            "",
            "x",
            "Shop",
            "shöp",
            "sh op",
            "../etc",
            "sh\u{202E}op",
            "api",
            &"a".repeat(49),
        ] {
            let refused = projects.create(ada, with_slug(slug)).await.unwrap_err();
            assert_eq!(told(&refused), (ErrorCode::Validation, Some("slug")), "{slug:?}");
        }
        for name in ["", "  ", "a\0b", "a\u{202E}b", "a\nb", "\u{200B}", &"x".repeat(81)] {
            let refused = projects.create(ada, named(name)).await.unwrap_err();
            assert_eq!(told(&refused), (ErrorCode::Validation, Some("name")), "{name:?}");
        }
        let described = CreateProject {
            description: Some("x".repeat(2001)),
            ..named("Other")
        };
        let refused = projects.create(ada, described).await.unwrap_err();
        assert_eq!(told(&refused), (ErrorCode::Validation, Some("description")));
        let page = projects.list(ada, None, 100).await.unwrap();
        assert_eq!(page.items.len(), 1, "nothing is half written");
    })
    .await;
}

#[tokio::test]
async fn a_former_address_leads_on_until_it_is_taken() {
    with_team(|team| async move {
        let (ada, bob) = (team.person("ada").await, team.person("bob").await);
        let shop = team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let projects = team.engine.projects();
        let moved = change(&projects, &grant, renamed("store")).await.unwrap();
        assert_eq!(moved.slug, "store");
        let by_old = team.grant(ada, "shop").await;
        assert_eq!((by_old.project, by_old.slug.as_str()), (shop.id, "store"));
        // A key of the project may use either.
        let key = key_of(&grant);
        for slug in ["shop", "store"] {
            let grant = team.engine.access().project(&key, slug).await.unwrap();
            assert_eq!((grant.project, grant.role), (shop.id, MemberRole::Admin));
        }
        // No suggestion takes it away; somebody who wants it does.
        assert_eq!(team.project(bob, "Shop").await.slug, "shop-2");
        let other = projects.create(bob, with_slug("shop")).await.unwrap();
        assert_eq!(team.grant(bob, "shop").await.project, other.id);
        assert_eq!(team.access(ada, "shop").await.unwrap_err().code, ErrorCode::NotFound);
        let foreign_key = team.engine.access().project(&key, "shop").await;
        assert_eq!(foreign_key.unwrap_err().code, ErrorCode::NotFound);
        let taken = change(&projects, &grant, renamed("shop")).await.unwrap_err();
        assert_eq!(told(&taken), (ErrorCode::Conflict, Some("slug")));
        assert_eq!(team.grant(ada, "store").await.project, shop.id);
    })
    .await;
}

#[tokio::test]
async fn an_edit_is_on_record_for_the_project_and_each_member() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let shop = team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", MemberRole::Member).await;
        let grant = team.grant(ada, "shop").await;
        let projects = team.engine.projects();
        let edit = ProjectEdit {
            name: Some("Big Shop".to_owned()),
            slug: Some("big".to_owned()),
            description: Some("Sells\nthings".to_owned()),
            repository: Some(Some("https://git.example.org/big.git".to_owned())),
            default_branch: Some(Some("trunk".to_owned())),
        };
        let edited = change(&projects, &grant, edit.clone()).await.unwrap();
        assert_eq!(
            (edited.name.as_str(), edited.slug.as_str(), edited.description.as_str()),
            ("Big Shop", "big", "Sells\nthings")
        );
        assert_eq!(edited.repository.as_deref(), Some("https://git.example.org/big.git"));
        assert_eq!(edited.default_branch.as_deref(), Some("trunk"));
        let audit = team.engine.audit();
        let entries = audit.list(&grant, &Default::default(), None, 1).await.unwrap().items;
        assert_eq!(entries[0].action, "project.update");
        assert_eq!(
            entries[0].detail,
            serde_json::json!({
                "name": { "before": "Shop", "after": "Big Shop" },
                "slug": { "before": "shop", "after": "big" },
                "description": { "before": "", "after": "Sells\nthings" },
                "repository": { "before": null, "after": "https://git.example.org/big.git" },
                "defaultBranch": { "before": null, "after": "trunk" },
            })
        );
        for scope in [Scope::Project(shop.id), Scope::User(ada), Scope::User(bob)] {
            let changes = team.changes(scope).await;
            let last = changes.last().unwrap();
            assert_eq!((last.kind.as_str(), last.op), ("project", ChangeOp::Put), "{scope}");
            assert_eq!(last.id, shop.id.to_string());
            let body: serde_json::Value = last.body.read().unwrap();
            assert_eq!((&body["slug"], &body["name"]), (&"big".into(), &"Big Shop".into()));
        }
        // The same once more changes nothing, and says so to nobody.
        let before = team.actions(&grant).await;
        change(&projects, &grant, edit).await.unwrap();
        assert_eq!(team.actions(&grant).await, before);
        // Members cannot.
        let refused = change(&projects, &team.grant(bob, "big").await, renamed("mine")).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_know_of_a_project_cannot_tell() {
    with_team(|team| async move {
        let (ada, eve) = (team.person("ada").await, team.person("eve").await);
        team.project(ada, "Shop").await;
        team.project(ada, "Deleted").await;
        let deleted = team.grant(ada, "deleted").await;
        team.engine.projects().delete(&deleted, "Deleted").await.unwrap();
        let never = team.access(eve, "never-was").await.unwrap_err();
        for slug in [
            "shop",
            "deleted",
            "",
            "x",
            "API",
            "a/b",
            "sh\0op",
            "日本",
            &"a".repeat(10_000),
        ] {
            let error = team.access(eve, slug).await.unwrap_err();
            assert_eq!(
                (error.code, &error.message, &error.field),
                (never.code, &never.message, &never.field),
                "{slug:?}"
            );
        }
        // Nor by restoring, or by an account that is not there.
        for slug in ["shop", "deleted", "never-was"] {
            let error = team.engine.projects().restore(eve, slug).await.unwrap_err();
            assert_eq!((error.code, &error.message), (never.code, &never.message));
        }
        let nobody = UserId::from_uuid(Uuid::now_v7());
        assert_eq!(team.access(nobody, "shop").await.unwrap_err().message, never.message);
        assert!(
            team.engine
                .projects()
                .list(eve, None, 10)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn a_deleted_project_is_hidden_until_an_owner_restores_it() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let shop = team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", MemberRole::Admin).await;
        let grant = team.grant(ada, "shop").await;
        let projects = team.engine.projects();
        for typed in ["", "shop", "Shop!", "Shopp"] {
            let refused = projects.delete(&grant, typed).await.unwrap_err();
            assert_eq!(told(&refused), (ErrorCode::Validation, Some("name")), "{typed:?}");
        }
        let by_admin = projects.delete(&team.grant(bob, "shop").await, "Shop").await;
        assert_eq!(by_admin.unwrap_err().code, ErrorCode::Forbidden);
        projects.delete(&grant, "Shop").await.unwrap();

        // Gone for everybody, and for whoever held a grant.
        assert_eq!(team.access(ada, "shop").await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(
            team.engine
                .access()
                .project(&key_of(&grant), "shop")
                .await
                .unwrap_err()
                .code,
            ErrorCode::NotFound
        );
        assert!(projects.list(ada, None, 10).await.unwrap().items.is_empty());
        assert_eq!(projects.last_active(ada).await.unwrap(), None);
        let stale = [
            projects.get(&grant).await.map(drop),
            change(&projects, &grant, renamed("other")).await.map(drop),
            projects.delete(&grant, "Shop").await,
            projects.set_logo(&grant, Bytes::from_static(PNG)).await,
            projects.logo(&grant).await.map(drop),
            team.engine.members().leave(&grant).await,
            team.engine.members().remove(&grant, bob).await,
            team.engine.members().transfer(&grant, bob).await,
            team.engine
                .members()
                .change_role(&grant, bob, MemberRole::Owner)
                .await
                .map(drop),
            team.engine
                .invitations()
                .invite(&grant, "x@example.org", MemberRole::Member)
                .await
                .map(drop),
        ];
        for (number, result) in stale.into_iter().enumerate() {
            assert_eq!(result.unwrap_err().code, ErrorCode::NotFound, "number {number}");
        }
        for user in [ada, bob] {
            let last = team.changes(Scope::User(user)).await.pop().unwrap();
            assert_eq!((last.kind.as_str(), last.op), ("project", ChangeOp::Delete));
        }

        // Only its owner sees it again, and brings it back.
        let deleted = projects.list_deleted(ada, None, 10).await.unwrap().items;
        let deletion = deleted[0].deletion.unwrap();
        assert_eq!(deletion.purge_at.since(deletion.deleted_at), 30 * 24 * 3_600_000);
        assert!(projects.list_deleted(bob, None, 10).await.unwrap().items.is_empty());
        assert_eq!(
            projects.restore(bob, "shop").await.unwrap_err().code,
            ErrorCode::NotFound
        );
        let restored = projects.restore(ada, "shop").await.unwrap();
        assert_eq!((restored.id, restored.deletion), (shop.id, None));
        assert_eq!(team.role(bob, "shop").await, Some(MemberRole::Admin));
        let again = projects.restore(ada, "shop").await.unwrap_err();
        assert_eq!(again.code, ErrorCode::Conflict);
        let actions = team.actions(&team.grant(ada, "shop").await).await;
        assert_eq!(&actions[actions.len() - 2..], ["project.delete", "project.restore"]);
    })
    .await;
}

#[tokio::test]
async fn what_runs_in_a_deleted_project_ends() {
    let gate = Gate::default();
    let world = World::new(always(vec![Act::Pass(gate.clone()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    on(&world, &engine, move |team| async move {
        let ada = team.person("ada").await;
        team.engine.members().adopt(ada).await.unwrap();
        let own = team.engine.projects().list(ada, None, 10).await.unwrap().items;
        let grant = team.grant(ada, &own[0].slug).await;
        assert_eq!(grant.project, run.0);
        team.engine.projects().delete(&grant, &own[0].name).await.unwrap();
    })
    .await;
    assert_eq!(engine.wait(run).await, RunStatus::Cancelled);
    engine.kill().await;
}

#[tokio::test]
async fn a_logo_is_what_its_bytes_are() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let bob = team.member(ada, "shop", "bob", MemberRole::Member).await;
        let grant = team.grant(ada, "shop").await;
        let projects = team.engine.projects();
        assert_eq!(projects.logo(&grant).await.unwrap_err().code, ErrorCode::NotFound);
        projects.set_logo(&grant, Bytes::from_static(PNG)).await.unwrap();
        let logo = projects.logo(&team.grant(bob, "shop").await).await.unwrap();
        assert_eq!((logo.kind, &logo.bytes[..]), (LogoType::Png, PNG));
        let view = projects.get(&grant).await.unwrap();
        assert_eq!(view.logo, Some((LogoType::Png, logo.digest)));
        let mut large = PNG.to_vec();
        large.resize(LOGO_LIMIT + 1, 0);
        for refused in [
            Bytes::from_static(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
            Bytes::from_static(b"<html>"),
            Bytes::new(),
            Bytes::from(large.clone()),
        ] {
            let error = projects.set_logo(&grant, refused).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Validation);
        }
        large.truncate(LOGO_LIMIT);
        projects.set_logo(&grant, Bytes::from(large)).await.unwrap();
        let by_member = projects.remove_logo(&team.grant(bob, "shop").await).await;
        assert_eq!(by_member.unwrap_err().code, ErrorCode::Forbidden);
        projects.remove_logo(&grant).await.unwrap();
        assert_eq!(projects.logo(&grant).await.unwrap_err().code, ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn the_last_active_project_is_remembered() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let projects = team.engine.projects();
        assert_eq!(projects.last_active(ada).await.unwrap(), None);
        team.project(ada, "One").await;
        team.project(ada, "Two").await;
        assert_eq!(projects.last_active(ada).await.unwrap().as_deref(), Some("two"));
        projects.enter(&team.grant(ada, "one").await).await.unwrap();
        assert_eq!(projects.last_active(ada).await.unwrap().as_deref(), Some("one"));
        // A key has no last project, and harms nobody's.
        let key = key_of(&team.grant(ada, "two").await);
        let grant = team.engine.access().project(&key, "two").await.unwrap();
        projects.enter(&grant).await.unwrap();
        assert_eq!(projects.last_active(ada).await.unwrap().as_deref(), Some("one"));
    })
    .await;
}

#[tokio::test]
async fn projects_of_the_command_line_find_an_owner() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let source = world.source();
    on(&world, &engine, move |team: Team| async move {
        let project = team.engine.project_of(&source).await.unwrap();
        let (ada, bob) = (team.person("ada").await, team.person("bob").await);
        team.project(bob, "Other").await;
        team.engine.members().adopt(ada).await.unwrap();
        let own = team.engine.projects().list(ada, None, 10).await.unwrap().items;
        assert_eq!(own.iter().map(|project| project.id).collect::<Vec<_>>(), [project]);
        let grant = team
            .engine
            .access()
            .project(&principal(ada), &own[0].slug)
            .await
            .unwrap();
        assert_eq!(team.actions(&grant).await, ["member.adopt"]);
        // Renamed, the command line still finds it; twice adopted is once.
        change(&team.engine.projects(), &grant, renamed("mine")).await.unwrap();
        assert_eq!(team.engine.project_of(&source).await.unwrap(), project);
        team.engine.members().adopt(bob).await.unwrap();
        assert_eq!(team.role(bob, "mine").await, None);
        team.engine.projects().delete(&grant, &own[0].name).await.unwrap();
        let deleted = team.engine.project_of(&source).await;
        // Under its new address it does not stand in the way of a new one.
        assert_ne!(deleted.unwrap(), project);
    })
    .await;
    engine.kill().await;
}
