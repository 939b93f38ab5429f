//! One of the two projects of the tenancy suite: a row of everything that a project and its people can have.
//!
//! Invariant: whatever is in a row of a side names one of the side's identifiers or its label, so that a dump of the
//! database can be told apart by side.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{
    ApiKeyId, AuditEntryId, BootId, InputId, InvitationId, MailId, ProjectId, RunId, SessionId, StepId, TaskId, UserId,
    VariableId,
};
use codecourier_store::accounts::{NewAccount, Pace};
use codecourier_store::changes::Scope;
use codecourier_store::projects::NewProject;
use codecourier_store::{Store, Tx};
use uuid::Uuid;

use super::super::NOON;

/// A project with everything in it, and its owner.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) label: &'static str,
    pub(super) boot: BootId,
    pub(super) project: ProjectId,
    pub(super) user: UserId,
    pub(super) email: EmailAddress,
    pub(super) run: RunId,
    pub(super) step: StepId,
    pub(super) input: InputId,
    pub(super) task: TaskId,
    pub(super) variable: VariableId,
    pub(super) api_key: ApiKeyId,
    pub(super) invitation: InvitationId,
    pub(super) session: SessionId,
    pub(super) mail: MailId,
    pub(super) audit_entry: AuditEntryId,
}

impl Side {
    /// Makes the project of that label.
    pub(super) async fn make(store: &Store, label: &'static str) -> Self {
        let id = Uuid::now_v7;
        let side = Self {
            label,
            boot: BootId::from_uuid(id()),
            project: ProjectId::from_uuid(id()),
            user: UserId::from_uuid(id()),
            email: format!("{label}@example.org").parse().unwrap(),
            run: RunId::from_uuid(id()),
            step: StepId::from_uuid(id()),
            input: InputId::from_uuid(id()),
            task: TaskId::from_uuid(id()),
            variable: VariableId::from_uuid(id()),
            api_key: ApiKeyId::from_uuid(id()),
            invitation: InvitationId::from_uuid(id()),
            session: SessionId::from_uuid(id()),
            mail: MailId::from_uuid(id()),
            audit_entry: AuditEntryId::from_uuid(id()),
        };
        let made = side.clone();
        let write = store.write(move |tx| {
            Box::pin(async move {
                made.people(tx).await?;
                made.settings(tx).await?;
                made.work(tx).await?;
                made.records(tx).await
            })
        });
        write.await.unwrap();
        side
    }

    /// Whatever only this side has in its rows.
    pub(super) fn marks(&self) -> Vec<String> {
        vec![
            self.label.to_owned(),
            self.boot.to_string(),
            self.project.to_string(),
            self.user.to_string(),
            self.run.to_string(),
            self.step.to_string(),
            self.input.to_string(),
            self.task.to_string(),
            self.variable.to_string(),
            self.api_key.to_string(),
            self.invitation.to_string(),
            self.session.to_string(),
            self.mail.to_string(),
            self.audit_entry.to_string(),
        ]
    }

    async fn people(&self, tx: &mut Tx) -> codecourier_store::Result<()> {
        let account = NewAccount {
            id: self.user,
            email: self.email.clone(),
            email_verified_at: Some(NOON),
            name: self.label.to_owned(),
            password: Some(self.password()),
            at: NOON,
        };
        tx.insert_account(&account).await?;
        tx.insert_session(&self.new_session(self.session, "first")).await?;
        tx.rotate_session_token(self.rotation("first", "second")).await?;
        tx.insert_one_time_token(&self.link(), 5).await?;
        tx.insert_mail(&self.new_mail(self.mail)).await?;
        tx.link_identity(&self.identity(), self.user, NOON).await?;
        tx.insert_pending_sign_in(&self.sign_in()).await?;
        tx.heed_webhook(self.label, NOON).await?;
        tx.admit(self.label, PACE, NOON).await?;
        tx.insert_project(&NewProject {
            slug: format!("former-{}", self.label),
            ..self.new_project(self.project)
        })
        .await?;
        tx.rename_project(self.project, self.label, NOON).await?;
        tx.insert_member(&self.membership()).await?;
        tx.set_last_project(self.user, self.project, NOON).await?;
        tx.insert_invitation(&self.invitation()).await?;
        tx.set_invitation_code(self.project, self.invitation, self.code()).await
    }

    async fn settings(&self, tx: &mut Tx) -> codecourier_store::Result<()> {
        tx.save_project_settings(&self.project_settings()).await?;
        tx.insert_variable(&self.variable()).await?;
        tx.put_provider_key(&self.provider_key()).await?;
        tx.insert_api_key(&self.api_key(self.api_key), self.token("api key"))
            .await?;
        tx.save_workflow(self.project, &self.workflow()).await.map(drop)
    }

    async fn work(&self, tx: &mut Tx) -> codecourier_store::Result<()> {
        tx.insert_run(&self.new_run()).await?;
        tx.insert_step(&self.step()).await?;
        tx.insert_step_input(&self.step_input()).await?;
        tx.append_events(self.events()).await?;
        tx.hold_blob(self.project, self.journal(), self.blob()).await?;
        tx.insert_task(&self.new_task()).await?;
        tx.claim_tasks(self.claim()).await?;
        tx.insert_step_token(&self.step_token()).await?;
        tx.reserve(&self.reservation("settled")).await?;
        tx.settle(&self.usage("settled")).await?;
        tx.reserve(&self.reservation("held")).await.map(drop)
    }

    async fn records(&self, tx: &mut Tx) -> codecourier_store::Result<()> {
        tx.append_change(self.change(Scope::Project(self.project))).await?;
        tx.append_change(self.change(Scope::User(self.user))).await?;
        tx.append_audit(self.audit()).await?;
        tx.claim_request(&self.request(), self.boot, NOON, NOON).await.map(drop)
    }
}

pub(super) const PACE: Pace = Pace {
    burst: 10,
    interval: 1000,
};
