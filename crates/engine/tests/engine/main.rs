//! The engine as its callers see it: real store, real Git, agents that follow a script in fake sandboxes.

mod crash;
mod happy;
mod story;
