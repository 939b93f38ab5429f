//! A mailer that keeps what it is given, so that a test can read the mail and follow its links.
//!
//! It takes everything at once, unless a test says how it answers next.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use codecourier_identity::mail::{MailError, MailMessage, Mailer, Reply};
use tokio::sync::Notify;

/// The longest that a test waits for a message.
const DEADLINE: Duration = Duration::from_secs(30);

/// Messages, in the order in which they were sent.
#[derive(Debug, Default)]
pub struct Postbox {
    messages: Mutex<Vec<MailMessage>>,
    answers: Mutex<VecDeque<Answer>>,
    arrived: Notify,
}

/// How a postbox answers to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It does not take it now. The message is kept all the same, as one that was tried.
    Later,
    /// It never takes it. The message is kept all the same.
    Refuse,
    /// It takes it, and never says so: whoever sends it dies waiting.
    Hang,
}

impl Postbox {
    /// The first message that was not taken yet.
    ///
    /// # Panics
    /// When none comes before the deadline.
    pub async fn next(&self) -> MailMessage {
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                let taken = {
                    let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
                    (!messages.is_empty()).then(|| messages.remove(0))
                };
                match taken {
                    Some(message) => return message,
                    None => arrived.await,
                }
            }
        };
        tokio::time::timeout(DEADLINE, waiting)
            .await
            .expect("a message before the deadline")
    }

    /// The token in the link of the next message.
    ///
    /// # Panics
    /// When there is no message, or no link in it.
    pub async fn next_token(&self) -> String {
        token_of(&self.next().await.text)
    }

    /// Answers the next message so, then the one after.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(answers);
    }

    /// How many messages were not taken yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The token in the link of a message.
///
/// # Panics
/// When there is no link.
#[must_use]
pub fn token_of(text: &str) -> String {
    let (_, after) = text.split_once("#token=").expect("a link");
    after.split_whitespace().next().unwrap_or_default().to_owned()
}

#[async_trait]
impl Mailer for Postbox {
    async fn send(&self, message: &MailMessage) -> Result<(), MailError> {
        // Before the message shows: whoever sees it says how the next one is answered.
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        self.messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(message.clone());
        self.arrived.notify_waiters();
        match answer {
            None => Ok(()),
            Some(Answer::Later) => Err(MailError::Later(Reply::new(Some(451), "come back later"))),
            Some(Answer::Refuse) => Err(MailError::Refused(Reply::new(Some(550), "no such mailbox"))),
            Some(Answer::Hang) => std::future::pending().await,
        }
    }

    async fn reach(&self) -> Result<(), MailError> {
        Ok(())
    }

    fn is_configured(&self) -> bool {
        true
    }
}
