//! Mail: what is to be said to whom, written with what causes it and sent afterwards.
//!
//! Use cases put an [`order::Order`] into the outbox with the command that gives the reason for it, so that neither is
//! there without the other; [`deliver`] sends what is there. Invariants: what a mail says and to whom is sealed while it
//! waits and gone when it has ended; a mail is sent at least once unless it is given up, and whoever is sent it twice
//! sees by its `Message-ID` that it is the same; a mail is given up when the mail server refuses it for good or when
//! nobody wants it any more, and then the log and the metrics say so; no text that somebody else typed is in a mail
//! unescaped, or stands where it could pass for ours.

mod deliver;
pub(crate) mod order;
mod outbox;
mod render;
mod text;

use std::sync::Arc;

use crate::{Engine, Inner};

pub use deliver::Delivered;
pub(crate) use deliver::run;
pub(crate) use outbox::Post;

/// The use cases of mail.
#[derive(Clone)]
pub struct Mail {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of mail.
    #[must_use]
    pub fn mail(&self) -> Mail {
        Mail {
            engine: Arc::clone(&self.inner),
        }
    }
}
