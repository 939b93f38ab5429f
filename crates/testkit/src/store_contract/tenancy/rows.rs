//! The calls: ours are the project and the person, theirs is whatever else the function takes.
//!
//! Where a function takes nothing else, it is called with ours alone and must leave theirs alone. What ends something
//! of ours is at the end.

use codecourier_domain::id::{ApiKeyId, InputId, ProjectId, StepId, TaskId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::revision::Revision;
use codecourier_domain::stillness::Stillness;
use codecourier_store::Error;
use codecourier_store::accounts::{NewAccount, NewOneTimeToken, Rotation};
use codecourier_store::api_keys::ApiKeyList;
use codecourier_store::audit::{AuditList, AuditScope, NewAuditEntry};
use codecourier_store::changes::Scope;
use codecourier_store::events::{EventAppend, EventWindow};
use codecourier_store::idempotency::Claim;
use codecourier_store::invitations::{Invitation, InvitationList, InvitationStatus};
use codecourier_store::ledger::{NewReservation, NewStepToken, Settled, UsageRecord};
use codecourier_store::page::PageCursor;
use codecourier_store::projects::{Deletion, NewProject, ProjectsOf};
use codecourier_store::runs::{NewRun, RunList, RunOrder, RunSearch};
use codecourier_store::sealed::{Resealed, SealedPlace, SealedValue};
use codecourier_store::step_inputs::{InputStatus, StepInput};
use codecourier_store::steps::Step;
use codecourier_store::tasks::{Fence, NewTask, TaskRetry};
use codecourier_store::variables::Variable;
use codecourier_store::workflows::WorkflowUpdate;
use uuid::Uuid;

use super::super::NOON;
use super::{Answer, Row};

/// Makes the rows. `read` calls a function of the reader, `write` one of the transaction; `=>` is followed by the answer
/// for a missing thing. An answer that only repeats what it was asked with is `echoed`: also the refusal of a database,
/// which no client gets to see.
macro_rules! rows {
    (|$mine:ident, $theirs:ident| $($kind:ident $function:ident($($argument:expr),*) => $answer:pat $(if $when:expr)?,)*) => {
        &[$(rows!(@row $kind $mine $theirs $function ($($argument),*) ($answer) ($(if $when)?))),*]
    };
    (@row read $mine:ident $theirs:ident $function:ident ($($argument:expr),*) ($answer:pat) ($(if $when:expr)?)) => {
        Row {
            function: concat!("Reader::", stringify!($function)),
            call: |bench, $mine, $theirs| Box::pin(async move {
                let _sides = (&$mine, &$theirs);
                let mut reader = bench.store.read().await.unwrap();
                let given = reader.$function($($argument),*).await;
                Answer { text: format!("{given:?}"), is_as_missing: matches!(given, $answer $(if $when)?) }
            }),
        }
    };
    (@row write $mine:ident $theirs:ident $function:ident ($($argument:expr),*) ($answer:pat) ($(if $when:expr)?)) => {
        Row {
            function: concat!("Tx::", stringify!($function)),
            call: |bench, $mine, $theirs| Box::pin(async move {
                let given = bench.store.write(move |tx| Box::pin(async move {
                    let _sides = (&$mine, &$theirs);
                    tx.$function($($argument),*).await
                })).await;
                Answer { text: format!("{given:?}"), is_as_missing: matches!(given, $answer $(if $when)?) }
            }),
        }
    };
    (@row echoed $mine:ident $theirs:ident $function:ident ($($argument:expr),*) ($answer:pat) ($(if $when:expr)?)) => {
        Row {
            function: concat!("Tx::", stringify!($function)),
            call: |bench, $mine, $theirs| Box::pin(async move {
                let given = bench.store.write(move |tx| Box::pin(async move {
                    let _sides = (&$mine, &$theirs);
                    tx.$function($($argument),*).await
                })).await;
                Answer { text: String::new(), is_as_missing: matches!(given, $answer $(if $when)?) }
            }),
        }
    };
}

#[expect(
    clippy::redundant_pattern_matching,
    reason = "the same macro compares every answer with a pattern"
)]
pub(super) const ROWS: &[Row] = rows! { |mine, theirs|
    read project(mine.project) => Ok(Some(_)),
    read project_access(theirs.label, mine.user) => Ok(None),
    read projects_of(mine.user, ProjectsOf::Present, behind(theirs.project), 100) => Ok(_),
    read projects_of(mine.user, ProjectsOf::Present, None, 100) => Ok(page) if page.items.len() == 1,
    read projects_of(mine.user, ProjectsOf::Deleted, None, 100) => Ok(page) if page.items.is_empty(),
    read last_project(mine.user) => Ok(Some(_)),
    echoed insert_project(&NewProject { id: theirs.project, slug: "new".to_owned(), ..mine.new_project(mine.project) })
        => Err(Error::Database(_)),
    write insert_project(&NewProject { id: any(ProjectId::from_uuid), ..theirs.new_project(mine.project) })
        => Err(Error::Taken { .. }),
    write save_project(&mine.edited_project()) => Ok(()),
    write rename_project(mine.project, theirs.label, NOON) => Err(Error::Taken { .. }),
    write set_last_project(mine.user, theirs.project, NOON) => Err(Error::NotFound { .. }),

    read membership(mine.project, theirs.user) => Ok(None),
    read members(mine.project, behind(theirs.user), 100) => Ok(_),
    read members(mine.project, None, 100) => Ok(page) if page.items.len() == 1,
    read project_member(mine.project, theirs.user) => Ok(None),
    read memberships(mine.project, behind(theirs.user), 100) => Ok(_),
    read memberships_of(mine.user) => Ok(list) if list.len() == 1,
    read heir(mine.project, mine.user) => Ok(None),
    read has_other_members(mine.project, mine.user) => Ok(false),
    write set_member_role(mine.project, theirs.user, MemberRole::Member) => Err(Error::NotFound { .. }),
    write delete_member(mine.project, theirs.user) => Err(Error::NotFound { .. }),

    read invitation(mine.project, theirs.invitation) => Ok(None),
    read invitation_to(&mine.email, theirs.invitation) => Ok(None),
    read invitations(mine.project, InvitationList { pending_at: None, after: behind(theirs.invitation), limit: 100 })
        => Ok(_),
    read invitations(mine.project, InvitationList { pending_at: Some(NOON), after: None, limit: 100 })
        => Ok(page) if page.items.len() == 1,
    read pending_invitations(mine.project, NOON) => Ok(1),
    read is_code_of(mine.project, theirs.invitation, theirs.code()) => Ok(false),
    write set_invitation_code(mine.project, theirs.invitation, mine.code()) => Err(Error::Stale { .. }),
    echoed insert_invitation(&Invitation { id: theirs.invitation, email: theirs.email.clone(), ..mine.invitation() })
        => Err(Error::Database(_)),
    write end_invitation(mine.project, theirs.invitation, InvitationStatus::Cancelled, NOON)
        => Err(Error::Stale { .. }),

    read project_settings(mine.project) => Ok(Some(_)),
    write save_project_settings(&mine.project_settings()) => Err(Error::Stale { .. }),

    read variable(mine.project, theirs.variable) => Ok(None),
    read variables(mine.project) => Ok(list) if list.len() == 1,
    write insert_variable(&mine.variable()) => Err(Error::Taken { .. }),
    write save_variable(&Variable { project: mine.project, ..theirs.variable() }) => Err(Error::NotFound { .. }),
    write delete_variable(mine.project, theirs.variable) => Err(Error::NotFound { .. }),
    write reseal(
        &SealedValue {
            place: SealedPlace { scope: mine.project.to_string(), ..theirs.sealed_variable().place },
            ..theirs.sealed_variable()
        },
        &mine.sealed()
    ) => Ok(Resealed::Changed),

    read provider_key(mine.project, theirs.provider()) => Ok(None),
    read provider_keys(mine.project) => Ok(list) if list.len() == 1,
    write put_provider_key(&mine.provider_key()) => Ok(()),
    write note_provider_key_used(mine.project, theirs.provider(), NOON) => Ok(()),
    write delete_provider_key(mine.project, theirs.provider()) => Err(Error::NotFound { .. }),

    read api_key(mine.project, theirs.api_key) => Ok(None),
    read api_keys(mine.project, ApiKeyList { after: behind(theirs.api_key), limit: 100 }) => Ok(_),
    read api_keys(mine.project, ApiKeyList { after: None, limit: 100 }) => Ok(page) if page.items.len() == 1,
    read count_api_keys(mine.project, NOON) => Ok(1),
    echoed insert_api_key(&mine.api_key(theirs.api_key), mine.token("another")) => Err(Error::Database(_)),
    echoed insert_api_key(&mine.api_key(any(ApiKeyId::from_uuid)), theirs.token("api key")) => Err(Error::Database(_)),
    write note_api_key_used(mine.project, theirs.api_key, NOON) => Ok(()),
    write retire_api_key(mine.project, theirs.api_key, mine.api_key, NOON) => Err(Error::Stale { .. }),
    write retire_api_key(mine.project, mine.api_key, theirs.api_key, NOON) => Err(Error::Stale { .. }),
    write revoke_api_key(mine.project, theirs.api_key, NOON) => Err(Error::NotFound { .. }),

    read workflow(mine.project, theirs.label) => Ok(None),
    read workflows(mine.project, "", 100) => Ok(list) if list.len() == 1,
    write save_workflow(
        mine.project,
        &WorkflowUpdate { name: theirs.label.to_owned(), over: Some(Revision::FIRST), ..mine.workflow() }
    ) => Err(Error::Stale { .. }),
    write delete_workflow(mine.project, theirs.label, Revision::FIRST) => Err(Error::Stale { .. }),

    read run(mine.project, theirs.run) => Ok(None),
    read run_body(mine.project, theirs.run) => Ok(None),
    read run_totals(mine.project, theirs.run) => Ok(None),
    read runs(mine.project, RunList { status: None, after: behind(theirs.run), limit: 100 }) => Ok(_),
    read runs(mine.project, RunList { status: None, after: None, limit: 100 }) => Ok(page) if page.items.len() == 1,
    read count_runs(mine.project, theirs.new_run().status) => Ok(1),
    read search_runs(mine.project, &search(Some(theirs.label))) => Ok(page) if page.items.is_empty(),
    read search_runs(mine.project, &search(None)) => Ok(page) if page.items.len() == 1,
    write insert_run(&NewRun { project: mine.project, ..theirs.new_run() }) => Err(Error::Taken { .. }),
    write save_run(mine.project, theirs.run, 0, &mine.run_update()) => Err(Error::NotFound { .. }),

    read step(mine.project, theirs.step) => Ok(None),
    read steps(mine.project, theirs.run) => Ok(list) if list.is_empty(),
    read live_steps(mine.project, behind(theirs.step), 100) => Ok(_),
    read live_steps(mine.project, None, 100) => Ok(page) if page.items.len() == 1,
    write insert_step(&Step { id: any(StepId::from_uuid), project: mine.project, ordinal: 7, ..theirs.step() })
        => Err(Error::NotFound { .. }),
    write insert_step(&Step { project: mine.project, run: mine.run, ordinal: 8, ..theirs.step() })
        => Err(Error::Taken { .. }),
    write save_step(&Step { project: mine.project, ..theirs.step() }) => Err(Error::NotFound { .. }),

    read waiting_step_inputs(mine.project, theirs.step, 100) => Ok(list) if list.is_empty(),
    read step_input(mine.project, theirs.input) => Ok(None),
    write insert_step_input(&StepInput { id: any(InputId::from_uuid), project: mine.project, ..theirs.step_input() })
        => Err(Error::NotFound { .. }),
    write insert_step_input(&StepInput { id: any(InputId::from_uuid), step: theirs.step, ..mine.step_input() })
        => Err(Error::NotFound { .. }),
    write settle_step_input(mine.project, theirs.input, InputStatus::Dropped, NOON) => Ok(()),
    write drop_step_inputs(mine.project, theirs.step, NOON) => Ok(0),

    read stillness(mine.project, theirs.step) => Ok(still) if still == Stillness::default(),
    write save_stillness(mine.project, theirs.step, &Stillness::default()) => Err(Error::NotFound { .. }),

    read sandboxes_of(mine.project) => Ok(list) if list.len() == 1,
    read unfinished_runs_of(mine.project) => Ok(list) if list.len() == 1,
    read holds_blob(mine.project, theirs.journal(), theirs.blob()) => Ok(false),
    write hold_blob(mine.project, theirs.journal(), mine.blob()) => Err(Error::NotFound { .. }),
    write release_blob(mine.project, theirs.journal()) => Ok(()),

    read journal_cursor(mine.project, theirs.step) => Ok(None),
    read event_head(mine.project, theirs.run) => Err(Error::NotFound { .. }),
    read events(mine.project, theirs.run, EventWindow::After(0), 100) => Ok(list) if list.is_empty(),
    read events(mine.project, theirs.run, EventWindow::Last, 100) => Ok(list) if list.is_empty(),
    write append_events(EventAppend { project: mine.project, ..theirs.events() }) => Err(Error::NotFound { .. }),
    write append_events(EventAppend { project: mine.project, cursor: None, ..theirs.events() })
        => Err(Error::NotFound { .. }),
    write append_events(EventAppend { cursor: None, step: Some(theirs.step), ..mine.events() })
        => Err(Error::NotFound { .. }),

    read task(mine.project, theirs.task) => Ok(None),
    read tasks(mine.project, theirs.run) => Ok(list) if list.is_empty(),
    write insert_task(&NewTask { id: any(TaskId::from_uuid), project: mine.project, ..theirs.new_task() })
        => Err(Error::NotFound { .. }),
    write insert_task(&NewTask { id: theirs.task, ..mine.new_task() }) => Err(Error::Taken { .. }),
    write cancel_tasks(mine.project, theirs.run, NOON) => Ok(list) if list.is_empty(),
    write hasten_tasks(mine.project, theirs.run, NOON) => Ok(()),
    echoed heartbeat_tasks(&[Fence { project: mine.project, ..theirs.fence() }], NOON.plus_milliseconds(5000))
        => Ok(lost) if lost.len() == 1,
    write retry_task(
        Fence { project: mine.project, ..theirs.fence() },
        &TaskRetry { due: NOON, failure: String::new() }
    ) => Err(Error::Fenced),
    write fail_task(Fence { project: mine.project, ..theirs.fence() }, "no", NOON) => Err(Error::Fenced),
    write complete_task(Fence { project: mine.project, ..theirs.fence() }, NOON) => Err(Error::Fenced),

    read usage_of_steps(mine.project, theirs.run) => Ok(list) if list.is_empty(),
    read usage_of_run(mine.project, theirs.run) => Ok(list) if list.is_empty(),
    write insert_step_token(&NewStepToken { hash: mine.token("a"), project: mine.project, ..theirs.step_token() })
        => Err(Error::NotFound { .. }),
    write insert_step_token(&NewStepToken { hash: mine.token("b"), step: theirs.step, ..mine.step_token() })
        => Err(Error::NotFound { .. }),
    write revoke_step_tokens(mine.project, theirs.run, None, NOON) => Ok(0),
    write revoke_step_tokens(mine.project, mine.run, Some(theirs.step), NOON) => Ok(0),
    write reserve(&NewReservation { project: mine.project, ..theirs.reservation("new") })
        => Err(Error::NotFound { .. }),
    echoed reserve(&NewReservation { request: theirs.request_named("held"), ..mine.reservation("x") }) => Err(Error::Database(_)),
    write settle(&UsageRecord { project: mine.project, ..theirs.usage("new") }) => Err(Error::NotFound { .. }),
    write settle(&UsageRecord { request: theirs.request_named("settled"), ..mine.usage("x") }) => Ok(Settled::Before),
    write release(mine.project, &theirs.request_named("held"), NOON) => Ok(()),

    read change_head(Scope::Project(mine.project)) => Ok(1),
    read change_head(Scope::User(mine.user)) => Ok(1),
    read changes_after(Scope::Project(mine.project), 0, 100) => Ok(_),
    read changes_after(Scope::User(mine.user), 0, 100) => Ok(_),
    read oldest_changes(Scope::Project(mine.project), 100) => Ok(list) if list.len() == 1,
    write append_change(mine.change(Scope::Project(mine.project))) => Ok(2),
    write trim_changes(Scope::Project(mine.project), 2) => Ok(2),
    write trim_changes(Scope::User(mine.user), 1) => Ok(1),
    read audit_entries(AuditScope::Project(mine.project), &audit_of(None)) => Ok(page) if page.items.len() == 1,
    read audit_entries(AuditScope::Project(mine.project), &audit_of(Some(theirs.user)))
        => Ok(page) if page.items.is_empty(),
    echoed append_audit(NewAuditEntry { id: theirs.audit_entry, ..mine.audit() }) => Err(Error::Database(_)),
    write claim_request(&mine.request(), mine.boot, NOON, NOON) => Ok(Claim::UnderWay),
    write answer_request(&mine.actor().to_string(), theirs.label, &mine.answer()) => Ok(()),
    write release_request(&mine.actor().to_string(), theirs.label) => Ok(()),

    read account(mine.user) => Ok(Some(_)),
    read password_of(mine.user) => Ok(Some(_)),
    read other_operator(mine.user) => Ok(None),
    read sessions(mine.user, NOON) => Ok(list) if list.len() == 1,
    read identities_of(mine.user) => Ok(list) if list.len() == 1,
    echoed insert_account(&NewAccount {
        id: theirs.user,
        email: "another@example.org".parse().unwrap(),
        email_verified_at: None,
        name: "mine".to_owned(),
        password: None,
        at: NOON,
    }) => Err(Error::Database(_)),
    write insert_account(&NewAccount {
        id: any(UserId::from_uuid),
        email: theirs.email.clone(),
        email_verified_at: None,
        name: "mine".to_owned(),
        password: None,
        at: NOON,
    }) => Err(Error::Taken { .. }),
    write rename_account(mine.user, "mine", NOON) => Ok(()),
    write set_password(mine.user, &mine.password(), NOON) => Ok(()),
    write rehash_password(mine.user, &theirs.password(), &mine.password()) => Ok(false),
    write verify_email(mine.user, &theirs.email, NOON) => Err(Error::NotFound { .. }),
    write link_identity(&theirs.identity(), mine.user, NOON) => Err(Error::Taken { .. }),
    echoed insert_mail(&mine.new_mail(theirs.mail)) => Err(Error::Database(_)),
    echoed insert_session(&mine.new_session(theirs.session, "third")) => Err(Error::Database(_)),
    echoed insert_one_time_token(&NewOneTimeToken { token: theirs.token("link"), ..mine.link() }, 5) => Err(Error::Database(_)),
    write rotate_session_token(Rotation { session: theirs.session, ..mine.rotation("second", "third") }) => Ok(false),
    write replace_session_tokens(Rotation { session: theirs.session, ..mine.rotation("second", "third") }, 10)
        => Ok(false),
    write end_session(mine.user, theirs.session) => Ok(false),

    write remove_password(mine.user, NOON) => Ok(()),
    write unlink_identities(mine.user) => Ok(()),
    write end_other_sessions(mine.user, Some(theirs.session)) => Ok(list) if list.len() == 1,
    write end_oldest_sessions(mine.user, 0) => Ok(list) if list.is_empty(),
    write set_project_deletion(mine.project, Some(Deletion { deleted_at: NOON, purge_at: NOON }), NOON) => Ok(()),
    write begin_purge(mine.project, NOON) => Ok(()),
    write purge_rows(mine.project, 1000) => Ok(10..),
    write finish_purge(mine.project) => Ok(()),
    write erase_account(mine.user, NOON) => Ok(()),
};

/// A new identifier.
fn any<Id>(of: impl FnOnce(Uuid) -> Id) -> Id {
    of(Uuid::now_v7())
}

/// A page that begins behind a row.
fn behind<Id: std::fmt::Display + std::str::FromStr>(id: Id) -> Option<PageCursor<Id>> {
    let text = format!("{}:{id}", NOON.0 + 1);
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    Some(hex.parse().unwrap())
}

fn search(text: Option<&str>) -> RunSearch {
    RunSearch {
        status: None,
        workflow: text.map(str::to_owned),
        text: None,
        order: RunOrder::NewestFirst,
        after: None,
        limit: 100,
    }
}

fn audit_of(user: Option<UserId>) -> AuditList {
    AuditList {
        actor: user.map(codecourier_domain::actor::Actor::User),
        action: None,
        from: None,
        until: None,
        after: None,
        limit: 100,
    }
}
