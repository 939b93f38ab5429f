//! The engine as its callers see it: real store, real Git, agents that follow a script in fake sandboxes.

#![expect(clippy::unwrap_used, reason = "in a test, and in its helpers, a panic is the answer")]

mod accidents;
mod accounts;
mod agents;
mod api_keys;
mod audit;
mod budget;
mod canary;
mod cancel;
mod crash;
mod crowd;
mod external;
mod happy;
mod invitations;
mod lease;
mod lifecycle;
mod limits;
mod live;
mod members;
mod model;
mod project_edits;
mod projects;
mod repositories;
mod settings;
mod settings_arrive;
mod story;
mod subscription;
mod talk;
mod team;
mod validation;
mod verdict;
