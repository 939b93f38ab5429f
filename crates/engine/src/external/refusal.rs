//! Why somebody who came through a provider is not let in.
//!
//! A browser shows it on the sign-in page, by its word; the cause is for the log.

use crate::error::{Cause, Error};

/// Why nobody was signed in.
#[derive(Debug)]
pub struct NotSignedIn {
    /// What the person is told.
    pub why: WhyNot,
    /// The cause, for the log.
    pub source: Option<Cause>,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What a person is told who is not let in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum WhyNot {
            $($(#[$doc])* $variant,)*
        }

        impl WhyNot {
            /// The word in the address of the sign-in page.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// No such provider is configured.
    UnknownProvider = "unknown-provider",
    /// The person, or the provider, said no.
    Declined = "declined",
    /// The sign-in was begun too long ago, in another browser, or was finished before.
    Expired = "expired",
    /// The provider does not answer as it should.
    ProviderUnavailable = "provider-unavailable",
    /// The provider's answer is not believed.
    NotBelieved = "not-believed",
    /// The provider tells no address.
    NoEmail = "no-email",
    /// The provider has not verified the address.
    EmailUnverified = "email-unverified",
    /// There is an account with this address, which nobody ever proved to be theirs.
    AccountUnverified = "account-unverified",
    /// New accounts are for people who were invited.
    InvitationNeeded = "invitation-needed",
    /// New accounts are not made.
    SignUpClosed = "sign-up-closed",
    /// The person has left at the provider.
    Departed = "departed",
    /// The platform's own fault.
    Failed = "failed",
}

impl NotSignedIn {
    pub(super) fn because(why: WhyNot, source: impl Into<Cause>) -> Self {
        Self {
            why,
            source: Some(source.into()),
        }
    }
}

impl From<WhyNot> for NotSignedIn {
    fn from(why: WhyNot) -> Self {
        Self { why, source: None }
    }
}

impl From<Error> for NotSignedIn {
    fn from(error: Error) -> Self {
        Self::because(WhyNot::Failed, error)
    }
}

impl From<codecourier_store::Error> for NotSignedIn {
    fn from(error: codecourier_store::Error) -> Self {
        Error::from(error).into()
    }
}

impl std::fmt::Display for NotSignedIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "nobody was signed in: {}", self.why.as_str())
    }
}

impl std::error::Error for NotSignedIn {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
