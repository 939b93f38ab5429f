//! What the outbox holds: a letter, or the wish for one that depends on whether there is an account.
//!
//! Written by the use cases, sealed by the outbox. No `Debug`: most of it opens an account.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{InvitationId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

const HOUR: i64 = 60 * 60 * 1_000;
/// For how long news are worth telling that no link limits.
const NEWS_LIFE: i64 = 48 * HOUR;

/// Something to be mailed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "order")]
pub(crate) enum Order {
    /// A letter.
    Letter(Letter),
    /// A link, if there is somebody who may have it. That is found out when it is sent: whoever asks must not learn it
    /// from how long the answer takes.
    Link(WantedLink),
}

/// A link that somebody asked for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WantedLink {
    /// What for.
    pub(crate) what: Wanted,
    /// To whom.
    pub(crate) to: EmailAddress,
    /// Until when the asker may wait for it.
    pub(crate) until: Timestamp,
}

/// What a link is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Wanted {
    /// To sign in.
    SignIn,
    /// To set another password.
    PasswordReset,
    /// To prove the address, or to finish the sign-up, whichever is open.
    Verification,
}

/// A letter.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    /// To whom.
    pub(crate) to: EmailAddress,
    /// Whose account it is about, if there is one.
    pub(crate) user: Option<UserId>,
    /// What it says.
    pub(crate) content: Content,
}

/// What a letter says.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "content")]
pub(crate) enum Content {
    /// How to finish a sign-up.
    FinishSignUp { link: Link },
    /// That there is an account already.
    AlreadyHasAccount,
    /// How to prove the address of an account.
    VerifyEmail { link: Link },
    /// How to sign in.
    MagicLink { link: Link },
    /// How to set another password.
    PasswordReset { link: Link },
    /// That the password is another one now.
    PasswordChanged,
    /// That somebody wants them in a project.
    Invited(Invited),
}

/// An invitation, as its letter tells of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invited {
    /// The invitation.
    pub(crate) invitation: InvitationId,
    /// The project's name, which people chose.
    pub(crate) project: String,
    /// The name of the person who invites, which they chose; `None` for a key.
    pub(crate) inviter: Option<String>,
    /// As what.
    pub(crate) role: MemberRole,
    /// Until when it can be accepted.
    pub(crate) until: Timestamp,
}

/// What opens something, for a while.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    /// The secret.
    pub(crate) token: String,
    /// From when on it is worth nothing.
    pub(crate) good_until: Timestamp,
}

impl Order {
    /// A word for logs and numbers.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Letter(letter) => letter.content.kind(),
            Self::Link(wanted) => match wanted.what {
                Wanted::SignIn => "magic-link",
                Wanted::PasswordReset => "password-reset",
                Wanted::Verification => "verify-email",
            },
        }
    }

    /// Whose account it is about, if that is known.
    pub(super) const fn user(&self) -> Option<UserId> {
        match self {
            Self::Letter(letter) => letter.user,
            Self::Link(_) => None,
        }
    }

    /// From when on nobody wants it any more.
    pub(super) const fn expires_at(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Letter(letter) => match letter.content.good_until() {
                Some(good_until) => good_until,
                None => now.plus_milliseconds(NEWS_LIFE),
            },
            Self::Link(wanted) => wanted.until,
        }
    }
}

impl Content {
    const fn kind(&self) -> &'static str {
        match self {
            Self::FinishSignUp { .. } => "sign-up",
            Self::AlreadyHasAccount => "has-account",
            Self::VerifyEmail { .. } => "verify-email",
            Self::MagicLink { .. } => "magic-link",
            Self::PasswordReset { .. } => "password-reset",
            Self::PasswordChanged => "password-changed",
            Self::Invited(_) => "invitation",
        }
    }

    const fn good_until(&self) -> Option<Timestamp> {
        match self {
            Self::FinishSignUp { link }
            | Self::VerifyEmail { link }
            | Self::MagicLink { link }
            | Self::PasswordReset { link } => Some(link.good_until),
            Self::Invited(invited) => Some(invited.until),
            Self::AlreadyHasAccount | Self::PasswordChanged => None,
        }
    }
}
