//! The HTTP side: connections, routes, who may ask, and how answers are put together.

mod accept;
mod access;
mod body;
mod connect;
mod hear_out;
mod query;
mod refusal;
mod route;

pub(crate) use accept::accept_for_ever;
pub(crate) use access::basic_user;
pub(crate) use body::{Body, BodySender};
pub(crate) use hear_out::RequestBody;
pub(crate) use query::Query;
pub(crate) use refusal::{HttpRefusal, json_response};
