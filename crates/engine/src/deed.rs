//! A deed: who does something, when and from where, and how it is put on record beside the rows that it changes.
//!
//! Every use case that changes what people manage makes one and hands it to the command. Invariant: a record is written
//! in the transaction of what it tells of, by the same actor and at the same moment. Nothing secret goes into one.

use std::fmt::Display;
use std::net::IpAddr;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{AuditEntryId, ProjectId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_store::audit::{AuditScope, NewAuditEntry};
use codecourier_store::changes::{ChangeOp, NewChange, Scope};
use codecourier_store::{Body, Error, Tx};
use serde::Serialize;

use crate::access::{Asker, ProjectGrant};
use crate::random::ordered_uuid_v7;

/// Who does something, when and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed {
    pub(crate) actor: Actor,
    pub(crate) at: Timestamp,
    /// The network address that it was asked for from; `None` for what no request asks for.
    pub(crate) address: Option<IpAddr>,
}

/// What is done to what: a line of the audit log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done<T> {
    /// A kind of thing, a dot, a verb.
    pub(crate) action: &'static str,
    /// Which thing.
    pub(crate) target: T,
}

impl Deed {
    /// What whoever has the grant does.
    pub(crate) fn by(grant: &ProjectGrant, at: Timestamp) -> Self {
        Self {
            actor: grant.actor,
            at,
            address: grant.address,
        }
    }

    /// What a person does, project or no project.
    pub(crate) fn of(asker: Asker, at: Timestamp) -> Self {
        Self {
            actor: Actor::User(asker.user),
            at,
            address: asker.address,
        }
    }

    /// What the platform does by itself.
    pub(crate) const fn of_platform(at: Timestamp) -> Self {
        Self {
            actor: Actor::System,
            at,
            address: None,
        }
    }

    /// Appends to a project's audit log. The kind of the target is the first word of the action.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        done: Done<impl Display>,
        detail: &impl Serialize,
    ) -> Result<(), Error> {
        self.append(tx, AuditScope::Project(project), done, detail).await
    }

    /// Appends to the installation's audit log, for what no project has to do with any more.
    pub(crate) async fn audit_installation(
        &self,
        tx: &mut Tx,
        done: Done<impl Display>,
        detail: &impl Serialize,
    ) -> Result<(), Error> {
        self.append(tx, AuditScope::Installation, done, detail).await
    }

    async fn append(
        &self,
        tx: &mut Tx,
        scope: AuditScope,
        done: Done<impl Display>,
        detail: &impl Serialize,
    ) -> Result<(), Error> {
        let entry = NewAuditEntry {
            id: AuditEntryId::from_uuid(ordered_uuid_v7(self.at)),
            scope,
            at: self.at,
            actor: self.actor,
            address: self.address,
            action: done.action,
            target_kind: done.action.split('.').next().unwrap_or_default(),
            target: done.target.to_string(),
            detail: Body::of(detail)?,
        };
        tx.append_audit(entry).await
    }

    /// Tells whoever follows a project that something in it is new or different.
    pub(crate) async fn put(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        (kind, id): (&'static str, impl Display),
        body: &impl Serialize,
    ) -> Result<(), Error> {
        let scope = Scope::Project(project);
        self.change(tx, scope, ChangeOp::Put, (kind, id), Body::of(body)?).await
    }

    /// Tells whoever follows a project that something in it is gone.
    pub(crate) async fn gone(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        of: (&'static str, impl Display),
    ) -> Result<(), Error> {
        let scope = Scope::Project(project);
        self.change(tx, scope, ChangeOp::Delete, of, Body::null()).await
    }

    /// Tells a person of what concerns only them.
    pub(crate) async fn put_for(
        &self,
        tx: &mut Tx,
        user: UserId,
        (kind, id): (&'static str, impl Display),
        body: &impl Serialize,
    ) -> Result<(), Error> {
        let scope = Scope::User(user);
        self.change(tx, scope, ChangeOp::Put, (kind, id), Body::of(body)?).await
    }

    /// Tells a person that something they had is gone.
    pub(crate) async fn gone_for(
        &self,
        tx: &mut Tx,
        user: UserId,
        of: (&'static str, impl Display),
    ) -> Result<(), Error> {
        let scope = Scope::User(user);
        self.change(tx, scope, ChangeOp::Delete, of, Body::null()).await
    }

    async fn change(
        &self,
        tx: &mut Tx,
        scope: Scope,
        op: ChangeOp,
        (kind, id): (&'static str, impl Display),
        body: Body,
    ) -> Result<(), Error> {
        let change = NewChange {
            scope,
            kind,
            id: id.to_string(),
            op,
            actor: self.actor.to_string(),
            at: self.at,
            body,
        };
        tx.append_change(change).await.map(drop)
    }
}
