//! Checks, in this crate's tests only, that every statement on SQLite finds its rows by an index.
//!
//! Each statement is explained before it runs. Invariant: a statement that reads a table from end to end panics, unless
//! the table cannot grow large or the whole of an index that holds few rows is what was asked for.

#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod mails;
#[cfg(test)]
mod settings;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row as _};

/// Tables that hold a row per thing that people make one by one, and names that are no tables but steps of a query.
const SMALL: &[&str] = &[
    "project",
    "p",
    "schema_migration",
    "sqlite_schema",
    "w",
    "waiting",
    "busy",
    "head",
    "h",
    "counted",
    "CONSTANT",
    "v",
];

/// Partial indexes that hold only what is under way, only the few people who run the server, or
/// what is swept down to a number.
const OF_FEW_ROWS: &[&str] = &[
    "run_unfinished",
    "step_with_sandbox",
    "task_leased",
    "task_ready",
    "task_running",
    "task_scheduled",
    "reservation_held",
    "account_operator",
    "throttle_clear",
    "mail_waiting",
    "mail_expiring",
    "mail_sending",
];

pub(super) async fn check(connection: &mut SqliteConnection, text: &str) {
    // What describes the schema is as small as the schema is.
    if text.starts_with("PRAGMA") || text.contains("sqlite_schema") || text.contains(" pragma_") {
        return;
    }
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    let plan = sqlx::query(explain).fetch_all(connection).await.unwrap();
    for row in plan {
        let line: String = row.get(3);
        let Some(scanned) = line.strip_prefix("SCAN ") else {
            continue;
        };
        let table = scanned.split(' ').next().unwrap();
        let is_list = line.ends_with(" CONSTANT ROWS");
        let fits = is_list || SMALL.contains(&table) || OF_FEW_ROWS.iter().any(|index| line.ends_with(index));
        assert!(fits, "`{line}` in the plan of: {text}");
    }
}

#[cfg(test)]
mod tests {
    use codecourier_domain::actor::Actor;
    use codecourier_domain::id::{
        BootId, InvitationId, ProjectId, ReservationId, RunId, SessionId, StepId, TaskId, UserId,
    };
    use codecourier_domain::member::MemberRole;
    use codecourier_domain::money::MicroUsd;
    use codecourier_domain::run::RunStatus;
    use codecourier_domain::time::Timestamp;
    use codecourier_domain::usage::Tokens;
    use uuid::Uuid;

    use crate::accounts::{
        Delivery, NewAccount, NewOneTimeToken, NewSession, OneTimePurpose, Pace, PasswordHash, Rotation, Touch,
    };
    use crate::audit::{AuditList, AuditScope};
    use crate::body::Body;
    use crate::changes::{ChangeOp, NewChange, Scope};
    use crate::error::{Error, Result};
    use crate::events::{CursorAdvance, EventAppend, EventWindow, JournalCursor, OutputAppend};
    use crate::external::{OutsideIdentity, PendingSignIn};
    use crate::invitations::{InvitationList, InvitationStatus};
    use crate::ledger::{NewReservation, TokenHash, UsageRecord};
    use crate::members::Membership;
    use crate::page::PageCursor;
    use crate::projects::{NewProject, ProjectsOf};
    use crate::runs::{RunList, RunUpdate};
    use crate::tasks::{ClaimRequest, Fence, TaskClass, TaskRetry};
    use crate::{Reader, Store, StoreConfig, Tx};

    const NIL: Uuid = Uuid::nil();
    const NOW: Timestamp = Timestamp(1);
    const NO_HOLD: Fence = Fence {
        project: ProjectId::from_uuid(NIL),
        task: TaskId::from_uuid(NIL),
        attempt: 1,
    };

    /// Whether the rows exist is of no interest: the plan is the same.
    #[tokio::test]
    async fn every_statement_finds_its_rows_by_an_index() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(StoreConfig::Sqlite {
            path: directory.path().join("store.db"),
        })
        .await
        .unwrap();
        read_everything(&mut store.read().await.unwrap()).await.unwrap();
        store.write(|tx| Box::pin(move_tasks(tx))).await.unwrap();
        for write in [write_run, write_events, write_ledger, write_changes, write_people] {
            // Most find nothing to write and say so.
            drop(store.write(move |tx| Box::pin(write(tx))).await);
        }
        append_outputs(&store).await;
        read_accounts(&mut store.read().await.unwrap()).await.unwrap();
        store.write(|tx| Box::pin(write_accounts(tx))).await.unwrap();
    }

    async fn read_accounts(reader: &mut Reader<'_>) -> Result<()> {
        let (user, hash) = (UserId::from_uuid(NIL), TokenHash::of("token"));
        reader.account(user).await?;
        reader.account_by_email(&"ada@example.org".parse().unwrap()).await?;
        reader.password_of(user).await?;
        reader.has_operator().await?;
        reader.operators().await?;
        reader.session_by_token(hash, NOW).await?;
        reader.sessions(user, NOW).await?;
        reader
            .one_time_token(hash, OneTimePurpose::MagicLink, NOW)
            .await
            .map(drop)
    }

    fn write_accounts(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (user, session, hash) = (
                UserId::from_uuid(NIL),
                SessionId::from_uuid(NIL),
                TokenHash::of("token"),
            );
            let email: codecourier_domain::email::EmailAddress = "ada@example.org".parse().unwrap();
            let password = PasswordHash::new("hash".to_owned());
            let account = NewAccount {
                id: user,
                email: email.clone(),
                email_verified_at: None,
                name: "Ada".to_owned(),
                password: Some(password.clone()),
                at: NOW,
            };
            tx.insert_account(&account).await?;
            tx.rename_account(user, "Ada", NOW).await?;
            tx.set_password(user, &password, NOW).await?;
            tx.rehash_password(user, &password, &password).await?;
            tx.remove_password(user, NOW).await?;
            tx.verify_email(user, &email, NOW).await?;
            let new = NewSession {
                id: session,
                user,
                token: hash,
                delivery: Delivery::Cookie,
                device: String::new(),
                address: String::new(),
                at: NOW,
                expires_at: NOW,
                ends_at: NOW,
            };
            tx.insert_session(&new).await?;
            tx.touch_session(Touch {
                session,
                at: NOW,
                unless_after: NOW,
                idle_limit: 1,
            })
            .await?;
            tx.rotate_session_token(Rotation {
                session,
                old: hash,
                new: TokenHash::of("new"),
                at: NOW,
                old_ends_at: NOW,
            })
            .await?;
            let rotation = Rotation {
                session,
                old: hash,
                new: TokenHash::of("newer"),
                at: NOW,
                old_ends_at: NOW,
            };
            tx.replace_session_tokens(rotation, 1).await?;
            tx.read().session_of_ended_token(hash, NOW).await?;
            tx.end_session(user, session).await?;
            tx.end_other_sessions(user, Some(session)).await?;
            tx.end_oldest_sessions(user, 1).await?;
            let link = NewOneTimeToken {
                token: hash,
                purpose: OneTimePurpose::MagicLink,
                user: Some(user),
                email: email.clone(),
                at: NOW,
                expires_at: NOW,
                body: Body::null(),
            };
            tx.insert_one_time_token(&link, 1).await?;
            tx.use_one_time_token(hash, OneTimePurpose::MagicLink, NOW).await?;
            tx.revoke_one_time_tokens(&email).await?;
            let pace = Pace { burst: 1, interval: 1 };
            tx.admit("key", pace, NOW).await?;
            tx.readmit("key", pace).await?;
            tx.clear_throttle("key").await?;
            write_external(tx, user).await?;
            tx.sweep_accounts(NOW, 1).await?;
            tx.trim_throttles(1, 1).await?;
            tx.erase_account(user, NOW).await
        })
    }

    async fn write_external(tx: &mut Tx, user: UserId) -> Result<()> {
        let identity = OutsideIdentity {
            issuer: "issuer".to_owned(),
            subject: "subject".to_owned(),
        };
        let pending = PendingSignIn {
            fingerprint: "fingerprint".to_owned(),
            provider: "provider".to_owned(),
            redirect_to: "/".to_owned(),
            at: NOW,
            expires_at: NOW,
        };
        tx.link_identity(&identity, user, NOW).await?;
        tx.insert_pending_sign_in(&pending).await?;
        tx.take_pending_sign_in("fingerprint", NOW).await?;
        tx.note_departure(&identity, NOW).await?;
        tx.heed_webhook("message", NOW).await?;
        let mut reader = tx.read();
        reader.account_of_identity(&identity).await?;
        reader.identities_of(user).await?;
        reader.other_operator(user).await?;
        reader.heir(ProjectId::from_uuid(NIL), user).await?;
        reader.has_departed(&identity, NOW).await.map(drop)
    }

    async fn read_everything(reader: &mut Reader<'_>) -> Result<()> {
        let (project, run, step) = (ProjectId::from_uuid(NIL), RunId::from_uuid(NIL), StepId::from_uuid(NIL));
        reader.setting("key").await?;
        reader.project(project).await?;
        reader.project_by_slug("slug").await?;
        reader.projects().await?;
        reader.run(project, run).await?;
        reader.run_body(project, run).await?;
        reader.run_totals(project, run).await?;
        reader.count_runs(project, RunStatus::Failed).await?;
        reader.unfinished_runs().await?;
        reader.under_way().await?;
        for status in [None, Some(RunStatus::Failed)] {
            let after = Some(PageCursor { at: NOW, id: run });
            reader
                .runs(
                    project,
                    RunList {
                        status,
                        after,
                        limit: 1,
                    },
                )
                .await?;
        }
        reader.step(project, step).await?;
        reader.steps(project, run).await?;
        reader.steps_with_sandbox().await?;
        reader.journal_cursor(project, step).await?;
        for window in [EventWindow::After(1), EventWindow::Before(9), EventWindow::Last] {
            reader.events(project, run, window, 1).await?;
        }
        reader.task(project, TaskId::from_uuid(NIL)).await?;
        reader.tasks(project, run).await?;
        reader.change_head(Scope::Installation).await?;
        reader.changes_after(Scope::Installation, 0, 1).await?;
        reader.scopes_with_changes(Some(Scope::Installation), 1).await?;
        reader.oldest_changes(Scope::Installation, 1).await?;
        reader.step_token(TokenHash::of("token"), NOW).await?;
        reader
            .reservations_of_other_boots(BootId::from_uuid(NIL), "one")
            .await?;
        reader.usage_of_run(project, run).await?;
        reader.usage_of_steps(project, run).await?;
        read_people(reader).await
    }

    async fn read_people(reader: &mut Reader<'_>) -> Result<()> {
        let (project, user) = (ProjectId::from_uuid(NIL), UserId::from_uuid(NIL));
        reader.membership(project, user).await?;
        let after = Some(PageCursor { at: NOW, id: user });
        reader.memberships(project, after, 1).await?;
        reader.members(project, after, 1).await?;
        reader.project_member(project, user).await?;
        reader.memberships_of(user).await?;
        reader.has_other_members(project, user).await?;
        reader.project_address("slug").await?;
        reader.project_access("slug", user).await?;
        for which in [ProjectsOf::Present, ProjectsOf::Deleted] {
            reader.projects_of(user, which, None, 1).await?;
        }
        reader.memberless_projects().await?;
        reader.projects_to_purge(NOW, 1).await?;
        reader.last_project(user).await?;
        let (email, invitation) = ("ada@example.org".parse().unwrap(), InvitationId::from_uuid(NIL));
        reader.invitation(project, invitation).await?;
        reader.invitation_to(&email, invitation).await?;
        reader.invitations_to(&email, NOW, 1).await?;
        let code = TokenHash::of("code");
        reader.is_code_of(project, invitation, code).await?;
        reader.is_invited_with(&email, code, NOW).await?;
        let purpose = OneTimePurpose::SignUp;
        reader.newest_one_time_token(&email, purpose, NOW).await?;
        for pending_at in [None, Some(NOW)] {
            let list = InvitationList {
                pending_at,
                after: None,
                limit: 1,
            };
            reader.invitations(project, list).await?;
        }
        reader.pending_invitations(project, NOW).await?;
        for actor in [None, Some(Actor::System)] {
            for action in [None, Some("project.create".to_owned())] {
                let list = AuditList {
                    actor,
                    action,
                    ..AuditList::default()
                };
                reader.audit_entries(AuditScope::Installation, &list).await?;
            }
        }
        Ok(())
    }

    fn move_tasks(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (project, run, owner) = (ProjectId::from_uuid(NIL), RunId::from_uuid(NIL), BootId::from_uuid(NIL));
            for class in [TaskClass::Control, TaskClass::Work] {
                tx.claim_tasks(ClaimRequest {
                    owner,
                    class,
                    limit: 1,
                    now: NOW,
                    lease_until: NOW,
                })
                .await?;
            }
            let fence = NO_HOLD;
            tx.heartbeat_tasks(&[fence], NOW).await?;
            assert!(tx.complete_task(fence, NOW).await.is_err());
            assert!(tx.fail_task(fence, "failure", NOW).await.is_err());
            let retry = TaskRetry {
                due: NOW,
                failure: "failure".to_owned(),
            };
            assert!(tx.retry_task(fence, &retry).await.is_err());
            tx.hasten_tasks(project, run, NOW).await?;
            tx.cancel_tasks(project, run, NOW).await?;
            tx.void_leases(owner, "one").await.map(drop)
        })
    }

    fn write_run(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let update = RunUpdate {
                status: RunStatus::Failed,
                started_at: None,
                finished_at: None,
                state: Body::null(),
            };
            tx.save_run(ProjectId::from_uuid(NIL), RunId::from_uuid(NIL), 0, &update)
                .await
        })
    }

    fn write_events(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (project, run) = (ProjectId::from_uuid(NIL), RunId::from_uuid(NIL));
            let cursor = CursorAdvance {
                expected: JournalCursor::default(),
                new: JournalCursor::default(),
            };
            for (step, cursor) in [(None, None), (Some(StepId::from_uuid(NIL)), Some(cursor))] {
                let append = EventAppend {
                    project,
                    run,
                    step,
                    cursor,
                    events: Vec::new(),
                };
                assert!(tx.append_events(append).await.is_err());
            }
            Ok(())
        })
    }

    /// One more than fits a size, so that a list of more than one row is explained too.
    async fn append_outputs(store: &Store) {
        let append = |step| {
            store.append_output(OutputAppend {
                fence: NO_HOLD,
                run: RunId::from_uuid(NIL),
                step: StepId::from_uuid(Uuid::from_u128(step)),
                cursor: CursorAdvance {
                    expected: JournalCursor::default(),
                    new: JournalCursor::default(),
                },
                events: Vec::new(),
            })
        };
        for ended in futures::future::join_all((1..=9).map(append)).await {
            assert!(matches!(ended, Err(Error::Fenced)));
        }
    }

    fn write_ledger(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (project, run, step) = (ProjectId::from_uuid(NIL), RunId::from_uuid(NIL), StepId::from_uuid(NIL));
            tx.release(project, "request", NOW).await?;
            tx.revoke_step_tokens(project, run, Some(step), NOW).await?;
            let reservation = NewReservation {
                id: ReservationId::from_uuid(NIL),
                request: "request".to_owned(),
                project,
                run,
                step,
                boot: BootId::from_uuid(NIL),
                amount: MicroUsd(1),
                run_budget: None,
                at: NOW,
            };
            assert!(tx.reserve(&reservation).await.is_err());
            let usage = UsageRecord {
                request: "request".to_owned(),
                project,
                run,
                step,
                provider: String::new(),
                model: String::new(),
                at: NOW,
                tokens: Tokens::default(),
                cost: MicroUsd(1),
                body: Body::null(),
            };
            tx.settle(&usage).await.map(drop)
        })
    }

    fn write_people(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (project, user) = (ProjectId::from_uuid(NIL), UserId::from_uuid(NIL));
            assert!(tx.set_member_role(project, user, MemberRole::Member).await.is_err());
            assert!(tx.delete_member(project, user).await.is_err());
            tx.trim_audit(NOW, 1).await?;
            tx.expire_invitations(NOW, 1).await?;
            let (invitation, status) = (InvitationId::from_uuid(NIL), InvitationStatus::Declined);
            assert!(tx.end_invitation(project, invitation, status, NOW).await.is_err());
            assert!(tx.set_project_deletion(project, None, NOW).await.is_err());
            let new = NewProject {
                id: project,
                slug: "slug".to_owned(),
                name: String::new(),
                description: String::new(),
                work_limit: 1,
                created_at: NOW,
                body: Body::null(),
            };
            tx.insert_project(&new).await?;
            tx.rename_project(project, "other", NOW).await?;
            let project = tx.read().project(project).await?.ok_or(Error::Fenced)?;
            tx.save_project(&project).await?;
            let project = project.id;
            tx.set_last_project(user, project, NOW).await?;
            let membership = Membership {
                project,
                user,
                role: MemberRole::Member,
                joined_at: NOW,
            };
            tx.insert_member(&membership).await
        })
    }

    fn write_changes(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let change = NewChange {
                scope: Scope::Installation,
                kind: "project",
                id: String::new(),
                op: ChangeOp::Delete,
                actor: String::new(),
                at: NOW,
                body: Body::null(),
            };
            tx.append_change(change).await?;
            tx.trim_changes(Scope::Installation, 1).await.map(drop)
        })
    }
}
