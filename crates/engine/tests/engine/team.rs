//! People and their projects, for the tests of what people do with each other.

use std::sync::Arc;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::{Clock as _, Timestamp};
use codecourier_engine::access::{KeyHolder, Person, Principal, ProjectGrant, Standing};
use codecourier_engine::audit::AuditFilter;
use codecourier_engine::projects::{CreateProject, ProjectView};
use codecourier_engine::{Engine, Error};
use codecourier_store::Store;
use codecourier_store::accounts::NewAccount;
use codecourier_store::changes::{Change, ChangesAfter, Scope};
use codecourier_testkit::clock::FakeClock;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::always;
use codecourier_testkit::postbox::Postbox;
use uuid::Uuid;

use crate::agents::good;

/// An engine with people.
#[derive(Clone)]
pub(crate) struct Team {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) clock: Arc<FakeClock>,
    /// What was mailed, where there is mail.
    pub(crate) postbox: Arc<Postbox>,
}

/// Runs a test against an engine of its own.
pub(crate) async fn with_team<F>(test: impl FnOnce(Team) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    // With mail, or nobody could prove an address.
    with_team_and(TeamMail::Some, test).await;
}

/// Whether a team's server has mail.
pub(crate) enum TeamMail {
    Some,
    None,
}

/// Runs a test against an engine of its own, with mail or without.
pub(crate) async fn with_team_and<F>(mail: TeamMail, test: impl FnOnce(Team) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut world = World::new(always(good()));
    let postbox = Arc::<Postbox>::default();
    if let TeamMail::Some = mail {
        world.accounts.mailer = Arc::clone(&postbox) as _;
    }
    let engine = world.start().await;
    with_postbox(&world, &engine, postbox, test).await;
    engine.kill().await;
}

/// Runs a test against an engine that is there.
pub(crate) async fn on<F>(world: &World, engine: &TestEngine, test: impl FnOnce(Team) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    with_postbox(world, engine, Arc::default(), test).await;
}

async fn with_postbox<F>(
    world: &World,
    engine: &TestEngine,
    postbox: Arc<Postbox>,
    test: impl FnOnce(Team) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (store, clock) = (engine.store(), Arc::clone(&world.clock));
    let team = |engine| Team {
        engine,
        store,
        clock,
        postbox,
    };
    engine.ask(move |engine| test(team(engine))).await;
}

impl Team {
    /// A person with a proved address: `<name>@example.org`.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        self.account(name, Some(self.clock.now())).await
    }

    /// The same, with an address that may not be proved.
    pub(crate) async fn account(&self, name: &str, email_verified_at: Option<Timestamp>) -> UserId {
        let account = NewAccount {
            id: UserId::from_uuid(Uuid::now_v7()),
            email: format!("{name}@example.org").parse().unwrap(),
            email_verified_at,
            name: name.to_owned(),
            password: None,
            at: self.clock.now(),
        };
        let id = account.id;
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_account(&account).await }))
            .await
            .unwrap();
        id
    }

    pub(crate) async fn access(&self, user: UserId, slug: &str) -> Result<ProjectGrant, Error> {
        self.engine.access().project(&principal(user), slug).await
    }

    pub(crate) async fn grant(&self, user: UserId, slug: &str) -> ProjectGrant {
        self.access(user, slug).await.unwrap()
    }

    pub(crate) async fn project(&self, owner: UserId, name: &str) -> ProjectView {
        let new = CreateProject {
            name: name.to_owned(),
            ..CreateProject::default()
        };
        self.engine.projects().create(owner, new).await.unwrap()
    }

    /// Brings a new person into a project, by an invitation.
    pub(crate) async fn member(&self, owner: UserId, slug: &str, name: &str, role: MemberRole) -> UserId {
        let user = self.person(name).await;
        self.bring(owner, slug, user, name, role).await;
        user
    }

    pub(crate) async fn bring(&self, owner: UserId, slug: &str, user: UserId, name: &str, role: MemberRole) {
        let grant = self.grant(owner, slug).await;
        let invitations = self.engine.invitations();
        let invited = invitations
            .invite(&grant, &format!("{name}@example.org"), MemberRole::Member)
            .await
            .unwrap();
        invitations.accept(user, invited.id).await.unwrap();
        if role != MemberRole::Member {
            self.engine.members().change_role(&grant, user, role).await.unwrap();
        }
    }

    /// The role that somebody has in a project, if any.
    pub(crate) async fn role(&self, user: UserId, slug: &str) -> Option<MemberRole> {
        self.access(user, slug).await.ok().map(|grant| grant.role)
    }

    /// The actions in a project's audit log, the oldest first.
    pub(crate) async fn actions(&self, grant: &ProjectGrant) -> Vec<String> {
        let page = self
            .engine
            .audit()
            .list(grant, &AuditFilter::default(), None, 100)
            .await
            .unwrap();
        page.items.into_iter().rev().map(|entry| entry.action).collect()
    }

    pub(crate) async fn changes(&self, scope: Scope) -> Vec<Change> {
        let mut reader = self.store.read().await.unwrap();
        match reader.changes_after(scope, 0, 1000).await.unwrap() {
            ChangesAfter::Changes(changes) => changes,
            ChangesAfter::Trimmed { .. } => panic!("trimmed"),
        }
    }
}

pub(crate) fn principal(user: UserId) -> Principal {
    Principal::Person(Person {
        user,
        session: None,
        standing: Standing::User,
    })
}

/// A key of a project that may do anything there.
pub(crate) fn key_of(grant: &ProjectGrant) -> Principal {
    Principal::ApiKey(KeyHolder {
        key: ApiKeyId::from_uuid(Uuid::now_v7()),
        project: grant.project,
        permissions: Vec::new(),
    })
}

/// The user behind a grant.
pub(crate) fn user_of(grant: &ProjectGrant) -> UserId {
    match grant.actor {
        Actor::User(user) => user,
        other => panic!("{other}"),
    }
}
