//! Who was started here: by pid while it lives and shortly after, by tag as long as somebody may ask.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use codecourier_e2b::process::{ProcessInfo, ProcessSelector};
use codecourier_e2b::{Code, ConnectError};

use super::super::tasks;
use super::{OwnExit, Process, Retention};

/// How long an ended process can still be attached to.
const BRIEF_RETENTION: Duration = Duration::from_secs(30);
/// Living processes started here, at most.
const LIVING_LIMIT: usize = 4096;
/// Processes remembered for ever, at most.
const REMEMBERED_LIMIT: usize = 16_384;

/// All processes.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    by_pid: RefCell<HashMap<u32, Rc<Process>>>,
    by_tag: RefCell<HashMap<String, Rc<Process>>>,
}

impl Registry {
    /// Refuses when there are too many already.
    pub(crate) fn check_room(&self) -> Result<(), ConnectError> {
        if self.by_pid.borrow().len() >= LIVING_LIMIT || self.by_tag.borrow().len() >= REMEMBERED_LIMIT {
            return Err(ConnectError::new(
                Code::ResourceExhausted,
                "too many processes in this sandbox",
            ));
        }
        Ok(())
    }

    /// Adds a process that was just forked. A former owner of the pid is gone; a former owner of the tag is no longer
    /// found by it.
    pub(crate) fn add(&self, process: &Rc<Process>) {
        self.by_pid.borrow_mut().insert(process.pid, Rc::clone(process));
        if let Some(tag) = &process.tag {
            self.by_tag.borrow_mut().insert(tag.clone(), Rc::clone(process));
        }
    }

    /// The process of a tag, alive or remembered.
    pub(crate) fn tagged(&self, tag: &str) -> Option<Rc<Process>> {
        self.by_tag.borrow().get(tag).cloned()
    }

    /// The process meant, alive or remembered.
    pub(crate) fn find(&self, selector: &ProcessSelector) -> Result<Rc<Process>, ConnectError> {
        let (found, missing) = match selector {
            ProcessSelector::Pid(pid) => (
                self.by_pid.borrow().get(pid).cloned(),
                format!("process with pid {pid} not found"),
            ),
            ProcessSelector::Tag(tag) => (self.tagged(tag), format!("process with tag {tag} not found")),
        };
        found.ok_or_else(|| ConnectError::new(Code::NotFound, missing))
    }

    /// The process meant, if its end was not told yet.
    pub(crate) fn find_living(&self, selector: &ProcessSelector) -> Result<Rc<Process>, ConnectError> {
        let process = self.find(selector)?;
        if process.ended().is_none() {
            return Ok(process);
        }
        let missing = match selector {
            ProcessSelector::Pid(pid) => format!("process with pid {pid} not found"),
            ProcessSelector::Tag(tag) => format!("process with tag {tag} not found"),
        };
        Err(ConnectError::new(Code::NotFound, missing))
    }

    /// Every process whose end was not told yet.
    pub(crate) fn living(&self) -> Vec<Rc<Process>> {
        self.by_pid
            .borrow()
            .values()
            .filter(|process| process.ended().is_none())
            .cloned()
            .collect()
    }

    /// For `List`, by pid.
    pub(crate) fn list(&self) -> Vec<ProcessInfo> {
        let mut list: Vec<ProcessInfo> = self
            .living()
            .iter()
            .map(|process| ProcessInfo {
                config: process.config.borrow().clone(),
                pid: process.pid,
                tag: process.tag.clone(),
            })
            .collect();
        list.sort_by_key(|info| info.pid);
        list
    }

    /// The reaper's word on a child. Unknown pids are orphans that were handed to us: reaped, nothing more.
    pub(super) fn reaped(&self, pid: u32, exit: OwnExit) {
        if let Some(process) = self.by_pid.borrow().get(&pid) {
            process.own_exit.send_if_modified(|current| {
                // A remembered process has its exit; its pid may be an orphan's now.
                let first = current.is_none();
                if first {
                    *current = Some(exit);
                }
                first
            });
        }
    }

    /// Forgets an ended process after its time.
    pub(crate) fn forget_later(self: &Rc<Self>, process: &Rc<Process>) {
        let registry = Rc::clone(self);
        let process = Rc::clone(process);
        tasks::spawn(async move {
            tokio::time::sleep(BRIEF_RETENTION).await;
            let is_it = |entry: Option<&Rc<Process>>| entry.is_some_and(|entry| Rc::ptr_eq(entry, &process));
            let mut by_pid = registry.by_pid.borrow_mut();
            if is_it(by_pid.get(&process.pid)) {
                by_pid.remove(&process.pid);
            }
            let mut by_tag = registry.by_tag.borrow_mut();
            if let (Retention::Briefly, Some(tag)) = (process.retention, &process.tag)
                && is_it(by_tag.get(tag))
            {
                by_tag.remove(tag);
            }
        });
    }
}
