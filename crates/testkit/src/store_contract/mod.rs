//! What a store must do, whichever database it is on. `crates/store/tests/contract.rs` runs the whole list on each.
//!
//! Invariant: a case gets an empty store of its own and asserts on what a caller would notice.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

mod accounts;
mod api;
mod audit;
mod changes;
mod events;
mod external;
mod invitations;
mod ledger;
mod mails;
mod members;
mod outputs;
mod projects;
mod queue;
mod queue_leases;
mod rows;
mod runs;
mod settings;
pub mod tenancy;
mod writing;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use codecourier_domain::id::{BootId, ProjectId, RunId, StepId, TaskId, UserId};
use codecourier_domain::role::Role;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Timestamp;
use codecourier_store::accounts::NewAccount;
use codecourier_store::projects::NewProject;
use codecourier_store::runs::NewRun;
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::tasks::{NewTask, TaskClass};
use codecourier_store::{Body, Store, StoreConfig};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use uuid::Uuid;

/// One case of the contract.
#[derive(Clone, Copy)]
pub struct Case {
    /// What holds if it passes.
    pub name: &'static str,
    run: fn(Bench) -> BoxFuture<'static, ()>,
}

/// A store for a case to work on.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The store, empty.
    pub store: Store,
    /// How it was opened, for cases that open it again.
    pub config: StoreConfig,
}

/// Names the functions of a module as cases.
macro_rules! cases {
    ($($module:ident { $($name:ident,)* })*) => {
        &[$($(Case { name: stringify!($name), run: |bench| Box::pin(async move { $module::$name(&bench).await }) },)*)*]
    };
}

/// The whole contract.
pub const CASES: &[Case] = cases! {
    writing {
        a_failed_command_undoes_its_own_writes_and_no_others,
        a_panicking_command_undoes_its_own_writes_and_no_others,
        a_command_that_fails_first_leaves_the_next_ones_alone,
        a_swallowed_failure_undoes_the_command_all_the_same,
        a_dropped_caller_does_not_stop_a_command,
        a_command_reads_what_it_wrote,
        commands_of_many_callers_all_count,
        two_openings_of_one_database_take_turns,
        a_snapshot_stays_at_its_moment,
        a_closed_store_says_so_and_has_kept_everything,
    }
    changes {
        numbers_have_no_gap_under_eight_writers,
        scopes_count_for_themselves,
        an_undone_command_takes_no_number_and_tells_nobody,
        a_follower_gets_what_was_before_and_what_comes,
        a_follower_far_behind_reads_the_log,
        a_follower_behind_retention_is_told_to_start_over,
        an_observer_sees_a_change_before_its_command_is_answered,
        retention_finds_every_scope_and_how_old_its_changes_are,
    }
    events {
        numbers_have_no_gap_and_windows_open_both_ways,
        large_appends_keep_their_order,
        a_stale_writer_gets_nothing_in,
        the_position_moves_without_events_too,
        events_of_another_project_are_out_of_reach,
        followed_events_arrive_once_and_in_order,
    }
    api {
        runs_are_searched_in_both_orders,
        steps_with_a_sandbox_are_paged,
        a_workflow_is_saved_over_what_was_seen_only,
        a_key_is_claimed_once_and_its_answer_stays,
    }
    members {
        people_come_and_go_and_change_their_roles,
        a_project_with_members_keeps_an_owner,
        of_the_last_two_owners_one_stays,
        an_heir_is_the_next_in_role_and_time,
        members_of_another_project_are_out_of_reach,
    }
    audit {
        entries_are_newest_first_and_filtered,
        pages_of_the_audit_log_meet,
        a_log_is_of_its_scope_alone,
        an_undone_command_leaves_no_entry,
        retention_takes_the_oldest_entries,
    }
    projects {
        projects_are_found_by_slug_and_slugs_are_unique,
        an_edit_over_another_edit_is_refused,
        a_former_slug_leads_on_until_another_project_takes_it,
        a_deleted_project_is_hidden_and_comes_back,
        people_see_their_own_projects,
        the_last_project_is_remembered,
        projects_of_nobody_are_found,
    }
    invitations {
        an_address_is_invited_once_at_a_time,
        invitations_end_once,
        invitations_of_a_project_are_paged,
        an_address_sees_what_it_can_accept,
        late_invitations_expire,
        a_code_is_of_one_pending_invitation,
        invitations_of_another_project_are_out_of_reach,
    }
    mails {
        a_mail_is_there_with_its_cause_and_not_without,
        a_mail_is_held_by_one_sender_at_a_time,
        what_a_mail_said_is_gone_when_it_has_ended,
        a_mail_waits_until_it_is_due_or_nobody_wants_it,
        a_mail_goes_with_its_account,
    }
    external {
        an_identity_leads_to_one_account_until_it_is_deleted,
        a_sign_in_is_taken_up_once_and_in_time,
        departures_and_heeded_messages_are_remembered_for_a_while,
    }
    rows {
        a_project_sees_only_its_own,
        steps_keep_their_order_and_their_fields,
        settings_are_overwritten,
    }
    settings {
        settings_are_saved_only_over_the_revision_they_came_from,
        variables_have_one_value_and_one_project,
        a_provider_key_is_replaced_and_removed,
        api_keys_are_found_by_their_token_and_end_once,
        whatever_another_key_sealed_is_found_once_and_replaced_if_unchanged,
    }
    runs {
        pages_are_newest_first_and_meet_without_overlap,
        lists_can_be_of_one_status,
        a_state_is_saved_only_over_the_revision_it_came_from,
        what_is_pinned_stays_and_inserting_twice_changes_nothing,
        unfinished_runs_are_found_across_projects,
        what_is_under_way_is_counted_across_projects,
    }
    outputs {
        what_many_steps_put_out_at_once_is_whole,
        one_output_that_is_refused_leaves_the_others_alone,
        of_two_who_put_out_for_one_step_the_later_gets_nothing_in,
        an_output_as_large_as_any_is_one,
    }
    queue {
        priority_then_due_decide_within_a_project,
        a_timer_is_not_claimed_before_its_time,
        the_project_with_fewer_running_tasks_goes_first,
        a_project_never_passes_its_limit,
        control_tasks_are_not_limited,
        many_claimers_never_share_a_task,
        inserting_a_task_twice_changes_nothing,
        whoever_waits_is_told_of_new_work,
    }
    queue_leases {
        an_ended_lease_fences_its_former_holder,
        a_fenced_completion_undoes_the_whole_command,
        heartbeats_prolong_a_hold_and_name_the_lost_ones,
        a_retried_task_comes_back_when_it_is_due,
        cancelled_tasks_are_fenced,
        a_new_start_takes_over_at_once,
        a_new_start_leaves_other_nodes_alone,
        a_failed_task_stays_failed,
    }
    ledger {
        a_request_is_reserved_and_settled_once,
        reservations_count_towards_the_budget,
        a_release_frees_what_was_reserved,
        reservations_of_dead_servers_are_found,
        a_token_is_worth_something_until_revoked_or_expired,
    }
    accounts {
        an_address_has_one_account,
        of_accounts_made_together_one_is_the_operators,
        an_account_changes_field_by_field,
        an_erased_account_leaves_nothing_personal,
        a_session_ends_when_unused_or_old,
        a_replaced_token_stays_good_for_its_grace_and_is_replaced_once,
        a_replaced_token_of_a_program_is_remembered_as_long_as_its_session,
        people_end_their_own_sessions_only,
        a_link_is_good_once_for_its_purpose_and_not_for_long,
        a_throttle_admits_a_burst_then_its_pace_also_after_a_restart,
        what_has_ended_is_swept,
    }
};

/// No case waits longer than this for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs every case, each on a store that `open` makes, and gives the ones that failed with what they said.
pub async fn run_all<F>(mut open: impl FnMut() -> F) -> Vec<String>
where
    F: Future<Output = Bench>,
{
    let mut failures = Vec::new();
    for case in CASES {
        let bench = open().await;
        let running = AssertUnwindSafe(tokio::time::timeout(PATIENCE, (case.run)(bench.clone()))).catch_unwind();
        match running.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => failures.push(format!("{}: hangs", case.name)),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned();
                let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                failures.push(format!("{}: {}", case.name, said.unwrap_or_default()));
            }
        }
        bench.store.close().await;
    }
    failures
}

const NOON: Timestamp = Timestamp(1_800_000_000_000);

fn project_id() -> ProjectId {
    ProjectId::from_uuid(Uuid::now_v7())
}

fn run_id() -> RunId {
    RunId::from_uuid(Uuid::now_v7())
}

fn step_id() -> StepId {
    StepId::from_uuid(Uuid::now_v7())
}

fn task_id() -> TaskId {
    TaskId::from_uuid(Uuid::now_v7())
}

fn user_id() -> UserId {
    UserId::from_uuid(Uuid::now_v7())
}

fn boot_id() -> BootId {
    BootId::from_uuid(Uuid::now_v7())
}

fn body(text: &str) -> Body {
    Body::of(&text).unwrap()
}

fn a_project(slug: &str, work_limit: u32) -> NewProject {
    NewProject {
        id: project_id(),
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        description: String::new(),
        work_limit,
        created_at: NOON,
        body: body("project"),
    }
}

fn a_run(project: ProjectId, created_at: Timestamp) -> NewRun {
    NewRun {
        id: run_id(),
        project,
        status: RunStatus::Pending,
        workflow: "designer-checker".to_owned(),
        prompt_preview: "Fix the clock".to_owned(),
        created_at,
        body: body("pinned"),
        state: body("state"),
    }
}

fn a_step(project: ProjectId, run: RunId, ordinal: u32) -> Step {
    Step {
        id: step_id(),
        project,
        run,
        ordinal,
        attempt: 1,
        iteration: 1,
        lane: format!("designer#{ordinal}"),
        role: Role::Designer,
        status: StepStatus::Pending,
        sandbox: None,
        created_at: NOON,
        started_at: None,
        finished_at: None,
        body: Body::null(),
    }
}

fn a_task(project: ProjectId, class: TaskClass) -> NewTask {
    NewTask {
        id: task_id(),
        project,
        run: None,
        kind: "execute_step".to_owned(),
        class,
        priority: 0,
        due: NOON,
        created_at: NOON,
        body: body("task"),
    }
}

impl Bench {
    async fn project(&self, slug: &str, work_limit: u32) -> ProjectId {
        let project = a_project(slug, work_limit);
        let id = project.id;
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_project(&project).await }))
            .await
            .unwrap();
        id
    }

    /// A person whom projects can have.
    async fn user(&self) -> UserId {
        let id = user_id();
        let account = NewAccount {
            id,
            email: format!("{}@example.org", id.short()).parse().unwrap(),
            email_verified_at: Some(NOON),
            name: "Ada".to_owned(),
            password: None,
            at: NOON,
        };
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_account(&account).await }))
            .await
            .unwrap();
        id
    }

    async fn run(&self, project: ProjectId) -> RunId {
        let run = a_run(project, NOON);
        let id = run.id;
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_run(&run).await }))
            .await
            .unwrap();
        id
    }

    async fn step(&self, project: ProjectId, run: RunId) -> StepId {
        self.step_at(project, run, 1).await
    }

    async fn step_at(&self, project: ProjectId, run: RunId, ordinal: u32) -> StepId {
        let step = a_step(project, run, ordinal);
        let id = step.id;
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_step(&step).await }))
            .await
            .unwrap();
        id
    }

    async fn insert_tasks(&self, tasks: Vec<NewTask>) {
        let insert = self.store.write(move |tx| {
            Box::pin(async move {
                for task in &tasks {
                    tx.insert_task(task).await?;
                }
                Ok(())
            })
        });
        insert.await.unwrap();
    }

    async fn setting(&self, key: &str) -> Option<String> {
        self.store
            .read()
            .await
            .unwrap()
            .setting(key)
            .await
            .unwrap()
            .map(|body| body.read().unwrap())
    }
}
