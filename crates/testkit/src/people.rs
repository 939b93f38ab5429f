//! People, projects and keys for tests, straight into the store: as many as a test likes, without the price of a password.
//!
//! Each change is on the change log as the engine's use cases write it, so that whoever follows sees what they would see.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, ProjectId, SessionId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::Permission;
use codecourier_identity::secret_token::{ApiKeyToken, SessionToken};
use codecourier_store::accounts::{Delivery, NewAccount, NewSession};
use codecourier_store::api_keys::ApiKey;
use codecourier_store::changes::{ChangeOp, NewChange, Scope};
use codecourier_store::ledger::TokenHash;
use codecourier_store::members::Membership;
use codecourier_store::projects::NewProject;
use codecourier_store::{Body, Store, Tx};
use serde::Serialize;
use uuid::Uuid;

use crate::clock::real_now;

const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000;

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct TestPerson {
    /// The account.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The token of the session.
    pub token: SessionToken,
}

/// A key.
#[derive(Debug, Clone)]
pub struct TestKey {
    /// The key.
    pub id: ApiKeyId,
    /// Its token.
    pub token: ApiKeyToken,
}

/// Makes people and what belongs to them.
#[derive(Debug, Clone)]
pub struct People {
    store: Store,
}

impl People {
    /// People of a store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    async fn write<F>(&self, command: F)
    where
        F: for<'t> FnOnce(&'t mut Tx) -> futures::future::BoxFuture<'t, codecourier_store::Result<()>> + Send + 'static,
    {
        self.store.write(command).await.expect("it is written");
    }

    /// The slug of a project.
    ///
    /// # Panics
    /// When there is no such project.
    pub async fn slug_of(&self, project: ProjectId) -> String {
        let mut reader = self.store.read().await.expect("a connection");
        let found = reader.project(project).await.expect("an answer");
        found.expect("the project").slug
    }

    /// A person with an account and a session. The first of a store is its operator.
    ///
    /// # Panics
    /// When the name cannot be part of an address, or is taken.
    pub async fn sign_up(&self, name: &str) -> TestPerson {
        let account = NewAccount {
            id: UserId::from_uuid(Uuid::now_v7()),
            email: format!("{name}@example.com").parse().expect("an address"),
            email_verified_at: Some(real_now()),
            name: name.to_owned(),
            password: None,
            at: real_now(),
        };
        let user = account.id;
        self.write(move |tx| Box::pin(async move { tx.insert_account(&account).await.map(drop) }))
            .await;
        self.sign_in(user).await
    }

    /// Another session of a person.
    ///
    /// # Panics
    /// When there is no randomness.
    pub async fn sign_in(&self, user: UserId) -> TestPerson {
        let token = SessionToken::mint().expect("randomness");
        let at = real_now();
        let session = NewSession {
            id: SessionId::from_uuid(Uuid::now_v7()),
            user,
            token: TokenHash::from_bytes(token.sha256()),
            delivery: Delivery::Token,
            device: "a test".to_owned(),
            address: "127.0.0.1".to_owned(),
            at,
            expires_at: at.plus_milliseconds(YEAR),
            ends_at: at.plus_milliseconds(YEAR),
        };
        let id = session.id;
        self.write(move |tx| Box::pin(async move { tx.insert_session(&session).await }))
            .await;
        TestPerson {
            user,
            session: id,
            token,
        }
    }

    /// Ends a session.
    pub async fn sign_out(&self, person: &TestPerson) {
        let (user, session) = (person.user, person.session);
        self.write(move |tx| {
            Box::pin(async move {
                assert!(tx.end_session(user, session).await?);
                tell(tx, Scope::User(user), ChangeOp::Delete, "session", session, &()).await
            })
        })
        .await;
    }

    /// A project with its owner, and nothing set up.
    pub async fn create_project(&self, slug: &str, owner: UserId) -> ProjectId {
        self.create_project_of(slug, owner, Body::null()).await
    }

    /// A project with its owner and what it says about itself.
    pub async fn create_project_of(&self, slug: &str, owner: UserId, body: Body) -> ProjectId {
        let project = NewProject {
            id: ProjectId::from_uuid(Uuid::now_v7()),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            description: String::new(),
            work_limit: 1_000,
            created_at: real_now(),
            body,
        };
        let id = project.id;
        self.write(move |tx| Box::pin(async move { tx.insert_project(&project).await }))
            .await;
        self.join(id, owner, MemberRole::Owner).await;
        id
    }

    /// Makes a person a member.
    pub async fn join(&self, project: ProjectId, user: UserId, role: MemberRole) {
        let membership = Membership {
            project,
            user,
            role,
            joined_at: real_now(),
        };
        self.write(move |tx| {
            Box::pin(async move {
                tx.insert_member(&membership).await?;
                tell(tx, Scope::Project(project), ChangeOp::Put, "member", user, &()).await
            })
        })
        .await;
    }

    /// Gives a member another role.
    pub async fn set_role(&self, project: ProjectId, user: UserId, role: MemberRole) {
        self.write(move |tx| {
            Box::pin(async move {
                tx.set_member_role(project, user, role).await?;
                tell(tx, Scope::Project(project), ChangeOp::Put, "member", user, &()).await
            })
        })
        .await;
    }

    /// Ends a membership.
    pub async fn remove(&self, project: ProjectId, user: UserId) {
        self.write(move |tx| {
            Box::pin(async move {
                tx.delete_member(project, user).await?;
                tell(tx, Scope::Project(project), ChangeOp::Delete, "member", user, &()).await
            })
        })
        .await;
    }

    /// A key of a project.
    ///
    /// # Panics
    /// When a scope is none.
    pub async fn create_key(&self, project: ProjectId, scopes: &[&str]) -> TestKey {
        let permissions = scopes.iter().map(|scope| scope.parse().expect("a scope")).collect();
        self.create_key_for(project, permissions).await
    }

    /// A key of a project that may do these things.
    ///
    /// # Panics
    /// When there is no randomness.
    pub async fn create_key_for(&self, project: ProjectId, permissions: Vec<Permission>) -> TestKey {
        let token = ApiKeyToken::mint().expect("randomness");
        let key = ApiKey {
            id: ApiKeyId::from_uuid(Uuid::now_v7()),
            project,
            display_prefix: token.display_prefix(),
            name: "a test".to_owned(),
            permissions,
            created_at: real_now(),
            created_by: Actor::System,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
            replaced_by: None,
            retires_at: None,
        };
        let (id, hash) = (key.id, TokenHash::from_bytes(token.sha256()));
        self.write(move |tx| {
            Box::pin(async move {
                tx.insert_api_key(&key, hash).await?;
                tell(tx, Scope::Project(project), ChangeOp::Put, "api_key", id, &()).await
            })
        })
        .await;
        TestKey { id, token }
    }

    /// Revokes a key.
    pub async fn revoke_key(&self, project: ProjectId, key: ApiKeyId) {
        self.write(move |tx| {
            Box::pin(async move {
                tx.revoke_api_key(project, key, real_now()).await?;
                tell(tx, Scope::Project(project), ChangeOp::Delete, "api_key", key, &()).await
            })
        })
        .await;
    }

    /// Writes a change, and nothing that it tells of.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn change(&self, scope: Scope, kind: &'static str, id: &str, body: impl Serialize) -> u64 {
        let body = Body::of(&body).expect("JSON");
        let id = id.to_owned();
        let change = NewChange {
            scope,
            kind,
            id,
            op: ChangeOp::Put,
            actor: Actor::System.to_string(),
            at: real_now(),
            body,
        };
        let written = self
            .store
            .write(move |tx| Box::pin(async move { tx.append_change(change).await }));
        written.await.expect("it is written")
    }
}

async fn tell(
    tx: &mut Tx,
    scope: Scope,
    op: ChangeOp,
    kind: &'static str,
    id: impl ToString,
    body: &impl Serialize,
) -> codecourier_store::Result<()> {
    tx.append_change(NewChange {
        scope,
        kind,
        id: id.to_string(),
        op,
        actor: Actor::System.to_string(),
        at: real_now(),
        body: Body::of(body)?,
    })
    .await
    .map(drop)
}
