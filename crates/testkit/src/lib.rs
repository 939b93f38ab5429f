//! What tests of every crate share. A dev-dependency only: nothing that ships may use it.

pub mod postgres;
mod spawn;
pub mod store_contract;
pub mod template;
