//! What tests of every crate share. A dev-dependency only: nothing that ships may use it.

pub mod clock;
pub mod contract;
pub mod engine;
pub mod fake_agent;
pub mod fake_sandbox;
pub mod furnished;
pub mod mail_server;
pub mod outside;
pub mod people;
pub mod postbox;
pub mod postgres;
pub mod repository;
pub mod scripted_model;
pub mod server;
mod spawn;
pub mod store_contract;
pub mod template;
pub mod tls_front;
