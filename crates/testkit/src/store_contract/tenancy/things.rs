//! What a side has, thing by thing, as the functions of the store take it.
//!
//! Invariant: the same call gives the same thing, but for identifiers that nothing refers to.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, MailId, ProjectId, ReservationId, SandboxId, SessionId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::permission::{Permission, Resource};
use codecourier_domain::provider::Provider;
use codecourier_domain::usage::Tokens;
use codecourier_store::Body;
use codecourier_store::accounts::{Delivery, NewOneTimeToken, NewSession, OneTimePurpose, PasswordHash, Rotation};
use codecourier_store::api_keys::ApiKey;
use codecourier_store::audit::{AuditScope, NewAuditEntry};
use codecourier_store::blob_uses::BlobHolder;
use codecourier_store::blobs::BlobName;
use codecourier_store::changes::{ChangeOp, NewChange, Scope};
use codecourier_store::events::{CursorAdvance, EventAppend, JournalCursor, NewEvent};
use codecourier_store::external::{OutsideIdentity, PendingSignIn};
use codecourier_store::idempotency::KeyedRequest;
use codecourier_store::invitations::{Invitation, InvitationStatus};
use codecourier_store::ledger::{NewReservation, NewStepToken, TokenHash, UsageRecord};
use codecourier_store::mails::NewMail;
use codecourier_store::members::Membership;
use codecourier_store::project_settings::ProjectSettings;
use codecourier_store::projects::{NewProject, Project};
use codecourier_store::provider_keys::ProviderKey;
use codecourier_store::runs::{NewRun, RunUpdate};
use codecourier_store::sealed::{Sealed, SealedColumn, SealedPlace, SealedValue};
use codecourier_store::step_inputs::{InputKind, InputStatus, StepInput};
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::tasks::{ClaimRequest, Fence, NewTask, TaskClass};
use codecourier_store::variables::{Variable, VariableValue};
use codecourier_store::workflows::WorkflowUpdate;
use uuid::Uuid;

use super::super::{NOON, a_run, a_step, a_task, body};
use super::side::Side;

impl Side {
    pub(super) fn actor(&self) -> Actor {
        Actor::User(self.user)
    }

    pub(super) fn body(&self) -> Body {
        body(self.label)
    }

    pub(super) fn token(&self, of: &str) -> TokenHash {
        TokenHash::of(&format!("{} {of}", self.label))
    }

    pub(super) fn password(&self) -> PasswordHash {
        PasswordHash::new(format!("$hash${}", self.label))
    }

    pub(super) fn new_session(&self, id: SessionId, token: &str) -> NewSession {
        NewSession {
            id,
            user: self.user,
            token: self.token(token),
            delivery: Delivery::Cookie,
            device: self.label.to_owned(),
            address: "::1".to_owned(),
            at: NOON,
            expires_at: NOON.plus_milliseconds(2000),
            ends_at: NOON.plus_milliseconds(1000),
        }
    }

    pub(super) fn rotation(&self, old: &str, new: &str) -> Rotation {
        Rotation {
            session: self.session,
            old: self.token(old),
            new: self.token(new),
            at: NOON,
            old_ends_at: NOON.plus_milliseconds(1),
        }
    }

    pub(super) fn link(&self) -> NewOneTimeToken {
        NewOneTimeToken {
            token: self.token("link"),
            purpose: OneTimePurpose::MagicLink,
            user: Some(self.user),
            email: self.email.clone(),
            at: NOON,
            expires_at: NOON.plus_milliseconds(1000),
            body: self.body(),
        }
    }

    pub(super) fn new_mail(&self, id: MailId) -> NewMail {
        NewMail {
            id,
            kind: "magic-link",
            user: Some(self.user),
            sealed: self.sealed(),
            at: NOON,
            expires_at: NOON.plus_milliseconds(1000),
        }
    }

    pub(super) fn identity(&self) -> OutsideIdentity {
        OutsideIdentity {
            issuer: "https://issuer.example".to_owned(),
            subject: self.label.to_owned(),
        }
    }

    pub(super) fn sign_in(&self) -> PendingSignIn {
        PendingSignIn {
            fingerprint: self.label.to_owned(),
            provider: "oidc".to_owned(),
            redirect_to: "/".to_owned(),
            at: NOON,
            expires_at: NOON.plus_milliseconds(1000),
        }
    }

    pub(super) fn new_project(&self, id: ProjectId) -> NewProject {
        NewProject {
            id,
            slug: self.label.to_owned(),
            name: self.label.to_owned(),
            description: String::new(),
            work_limit: 1,
            created_at: NOON,
            body: self.body(),
        }
    }

    pub(super) fn edited_project(&self) -> Project {
        Project {
            id: self.project,
            slug: self.label.to_owned(),
            name: self.label.to_owned(),
            description: "edited".to_owned(),
            logo: None,
            work_limit: 1,
            created_at: NOON,
            updated_at: NOON,
            deletion: None,
            revision: 2,
            body: self.body(),
        }
    }

    pub(super) fn membership(&self) -> Membership {
        Membership {
            project: self.project,
            user: self.user,
            role: MemberRole::Owner,
            joined_at: NOON,
        }
    }

    /// The code of the invitation.
    pub(super) fn code(&self) -> TokenHash {
        TokenHash::of(&format!("code {}", self.label))
    }

    /// What was answered to the request.
    pub(super) fn answer(&self) -> Sealed {
        Sealed {
            envelope: "answer".to_owned(),
            key: "key".to_owned(),
        }
    }

    pub(super) fn invitation(&self) -> Invitation {
        Invitation {
            id: self.invitation,
            project: self.project,
            email: format!("invited-{}@example.org", self.label).parse().unwrap(),
            role: MemberRole::Member,
            inviter: self.actor(),
            inviter_name: None,
            status: InvitationStatus::Pending,
            created_at: NOON,
            expires_at: NOON.plus_milliseconds(1000),
            ended_at: None,
        }
    }

    pub(super) fn project_settings(&self) -> ProjectSettings {
        ProjectSettings {
            project: self.project,
            revision: 0,
            updated_at: NOON,
            updated_by: self.actor(),
            body: self.body(),
        }
    }

    pub(super) fn sealed(&self) -> Sealed {
        Sealed {
            envelope: format!("sealed {}", self.label),
            key: "key".to_owned(),
        }
    }

    pub(super) fn variable(&self) -> Variable {
        Variable {
            id: self.variable,
            project: self.project,
            name: format!("NAME_OF_{}", self.label),
            value: VariableValue::Secret(self.sealed()),
            size: 1,
            created_at: NOON,
            updated_at: NOON,
            updated_by: self.actor(),
        }
    }

    pub(super) fn sealed_variable(&self) -> SealedValue {
        SealedValue {
            place: SealedPlace {
                column: SealedColumn::VariableValue,
                scope: self.project.to_string(),
                row: self.variable.to_string(),
            },
            sealed: self.sealed(),
        }
    }

    /// Each side has the key of another provider.
    pub(super) fn provider(&self) -> Provider {
        if self.label == "mine" {
            Provider::Anthropic
        } else {
            Provider::Openai
        }
    }

    pub(super) fn provider_key(&self) -> ProviderKey {
        ProviderKey {
            project: self.project,
            provider: self.provider(),
            sealed: self.sealed(),
            last_four: "1234".to_owned(),
            set_at: NOON,
            set_by: self.actor(),
            last_used_at: None,
        }
    }

    pub(super) fn api_key(&self, id: ApiKeyId) -> ApiKey {
        ApiKey {
            id,
            project: self.project,
            display_prefix: "cc_live_abcd".to_owned(),
            name: self.label.to_owned(),
            permissions: vec![Permission::read(Resource::Runs)],
            created_at: NOON,
            created_by: self.actor(),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
            replaced_by: None,
            retires_at: None,
        }
    }

    pub(super) fn workflow(&self) -> WorkflowUpdate {
        WorkflowUpdate {
            name: self.label.to_owned(),
            over: None,
            at: NOON,
            actor: self.actor(),
            body: self.body(),
        }
    }

    pub(super) fn new_run(&self) -> NewRun {
        NewRun {
            id: self.run,
            workflow: self.label.to_owned(),
            ..a_run(self.project, NOON)
        }
    }

    pub(super) fn run_update(&self) -> RunUpdate {
        RunUpdate {
            status: codecourier_domain::run::RunStatus::Completed,
            started_at: None,
            finished_at: None,
            state: self.body(),
        }
    }

    pub(super) fn step(&self) -> Step {
        Step {
            id: self.step,
            status: StepStatus::Running,
            sandbox: Some(SandboxId::of_step(&self.step)),
            ..a_step(self.project, self.run, 1)
        }
    }

    pub(super) fn step_input(&self) -> StepInput {
        StepInput {
            id: self.input,
            project: self.project,
            run: self.run,
            step: self.step,
            kind: InputKind::Message,
            body: self.label.to_owned(),
            status: InputStatus::Waiting,
            actor: self.actor().to_string(),
            created_at: NOON,
            settled_at: None,
        }
    }

    pub(super) fn events(&self) -> EventAppend {
        EventAppend {
            project: self.project,
            run: self.run,
            step: Some(self.step),
            cursor: Some(CursorAdvance {
                expected: JournalCursor(String::new()),
                new: JournalCursor(self.label.to_owned()),
            }),
            events: vec![NewEvent {
                kind: "agent_text".into(),
                at: NOON,
                body: self.body(),
            }],
        }
    }

    pub(super) fn journal(&self) -> BlobHolder {
        BlobHolder::Journal(self.step)
    }

    pub(super) fn blob(&self) -> BlobName {
        BlobName::of(self.label.as_bytes())
    }

    pub(super) fn new_task(&self) -> NewTask {
        NewTask {
            id: self.task,
            run: Some(self.run),
            ..a_task(self.project, TaskClass::Work)
        }
    }

    /// Whoever made the side works on its task.
    pub(super) fn claim(&self) -> ClaimRequest {
        ClaimRequest {
            owner: self.boot,
            class: TaskClass::Work,
            limit: 10,
            now: NOON,
            lease_until: NOON.plus_milliseconds(1000),
        }
    }

    pub(super) fn fence(&self) -> Fence {
        Fence {
            project: self.project,
            task: self.task,
            attempt: 1,
        }
    }

    pub(super) fn step_token(&self) -> NewStepToken {
        NewStepToken {
            hash: self.token("step"),
            project: self.project,
            run: self.run,
            step: self.step,
            created_at: NOON,
            expires_at: NOON.plus_milliseconds(1000),
            grant: self.body(),
        }
    }

    pub(super) fn request_named(&self, request: &str) -> String {
        format!("{} {request}", self.label)
    }

    pub(super) fn reservation(&self, request: &str) -> NewReservation {
        NewReservation {
            id: ReservationId::from_uuid(Uuid::now_v7()),
            request: self.request_named(request),
            project: self.project,
            run: self.run,
            step: self.step,
            boot: self.boot,
            amount: MicroUsd(5),
            run_budget: None,
            at: NOON,
        }
    }

    pub(super) fn usage(&self, request: &str) -> UsageRecord {
        UsageRecord {
            request: self.request_named(request),
            project: self.project,
            run: self.run,
            step: self.step,
            provider: "anthropic".to_owned(),
            model: "claude".to_owned(),
            at: NOON,
            tokens: Tokens::default(),
            cost: MicroUsd(1),
            body: self.body(),
        }
    }

    pub(super) fn change(&self, scope: Scope) -> NewChange {
        NewChange {
            scope,
            kind: "run",
            id: self.run.to_string(),
            op: ChangeOp::Put,
            actor: self.actor().to_string(),
            at: NOON,
            body: self.body(),
        }
    }

    pub(super) fn audit(&self) -> NewAuditEntry {
        NewAuditEntry {
            address: None,
            id: self.audit_entry,
            scope: AuditScope::Project(self.project),
            at: NOON,
            actor: self.actor(),
            action: "run.start",
            target_kind: "run",
            target: self.run.to_string(),
            detail: self.body(),
        }
    }

    pub(super) fn request(&self) -> KeyedRequest {
        KeyedRequest {
            principal: self.actor().to_string(),
            key: self.label.to_owned(),
            fingerprint: self.label.to_owned(),
        }
    }
}
