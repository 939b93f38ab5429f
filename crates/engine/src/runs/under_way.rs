//! What is under way in this process: who works on which task, and how they are told to let go.
//!
//! The worker writes the list; a cancel reads it. Invariant: whatever is on the list is being worked on, and whatever is
//! worked on is on the list, however the work ends.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use codecourier_domain::id::{RunId, TaskId};
use codecourier_store::tasks::Fence;

/// What is under way in this process.
///
/// By the hold and not by the task: a task whose lease ended may be claimed again by this very process while the attempt
/// before still runs.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    under_way: Mutex<HashMap<Fence, UnderWay>>,
    /// Told whenever work has ended and its place is free.
    pub(super) ended: Notify,
}

#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) run: Option<RunId>,
    pub(super) let_go: CancellationToken,
}

impl Workers {
    /// Tells whoever works on one of these tasks to let go of it: they were called off.
    pub(crate) fn let_go_of_tasks(&self, tasks: &[TaskId]) {
        let under_way = self.under_way.lock();
        for (_, work) in under_way.iter().filter(|(fence, _)| tasks.contains(&fence.task)) {
            work.let_go.cancel();
        }
    }

    /// Waits until nobody in this process works on a run but the holder of one task. The others were told to let go.
    pub(crate) async fn alone_on(&self, run: RunId, fence: Fence) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let others: Vec<_> = {
                let under_way = self.under_way.lock();
                let others = under_way
                    .iter()
                    .filter(|(other, work)| work.run == Some(run) && **other != fence);
                others.map(|(_, work)| work.let_go.clone()).collect()
            };
            if others.is_empty() {
                return;
            }
            for let_go in others {
                let_go.cancel();
            }
            ended.await;
        }
    }

    pub(super) fn fences(&self) -> Vec<Fence> {
        self.under_way.lock().keys().copied().collect()
    }

    pub(super) fn let_go_of(&self, lost: &[Fence]) {
        let under_way = self.under_way.lock();
        for work in lost.iter().filter_map(|fence| under_way.get(fence)) {
            work.let_go.cancel();
        }
    }

    /// Puts work on the list. Whoever still works on an earlier hold of the same task has lost it.
    pub(super) fn begin(&self, fence: Fence, work: UnderWay) {
        let mut under_way = self.under_way.lock();
        for (_, earlier) in under_way.iter().filter(|(other, _)| other.task == fence.task) {
            earlier.let_go.cancel();
        }
        under_way.insert(fence, work);
    }

    pub(super) fn end(&self, fence: &Fence) {
        self.under_way.lock().remove(fence);
        self.ended.notify_waiters();
    }
}
