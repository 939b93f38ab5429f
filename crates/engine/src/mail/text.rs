//! Every text that is mailed, by language. The one place for them: a translation is one more arm of [`page`].
//!
//! Invariant: texts are whole sentences with places for values, never put together from pieces, so that each language
//! orders them as it must.

use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;

use super::order::{Content, Link};
use super::render::{Action, Page};

/// A language that mail is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// English.
    English,
}

/// A letter in a language. `base` is where people find this server.
pub(super) fn page(language: Language, content: &Content, base: &str, now: Timestamp) -> Page {
    match language {
        Language::English => english(content, base, now),
    }
}

fn english(content: &Content, base: &str, now: Timestamp) -> Page {
    let sign_in = || Action {
        label: "Sign in",
        url: format!("{base}/sign-in"),
    };
    let good_once = |link: &Link| {
        vec![
            format!("The link is good once, for {}.", time_left(link.good_until, now)),
            "If you did not ask for this, ignore this message: nothing happens without the link.".to_owned(),
        ]
    };
    match content {
        Content::FinishSignUp { link } => Page {
            subject: "CodeCourier: Finish your sign-up".to_owned(),
            paragraphs: vec!["Somebody, probably you, asked for an account with this address.".to_owned()],
            action: Some(Action {
                label: "Finish the sign-up and sign in",
                url: with_token(base, "verify-email", link),
            }),
            notes: good_once(link),
        },
        Content::AlreadyHasAccount => Page {
            subject: "CodeCourier: You already have an account".to_owned(),
            paragraphs: vec![
                "Somebody, probably you, tried to sign up with this address, which has an account already. Sign in, or \
                 ask for another password there."
                    .to_owned(),
            ],
            action: Some(sign_in()),
            notes: vec!["If it was not you, there is nothing to do.".to_owned()],
        },
        Content::VerifyEmail { link } => Page {
            subject: "CodeCourier: Confirm your address".to_owned(),
            paragraphs: vec!["An account was made with this address. Confirm that it is yours.".to_owned()],
            action: Some(Action {
                label: "Confirm the address",
                url: with_token(base, "verify-email", link),
            }),
            notes: good_once(link),
        },
        Content::MagicLink { link } => Page {
            subject: "CodeCourier: Sign in".to_owned(),
            paragraphs: vec!["Here is the link that you asked for.".to_owned()],
            action: Some(Action {
                label: "Sign in",
                url: with_token(base, "magic-link", link),
            }),
            notes: good_once(link),
        },
        Content::PasswordReset { link } => Page {
            subject: "CodeCourier: Set another password".to_owned(),
            paragraphs: vec![
                "Here is the link that you asked for. With another password, every device is signed out.".to_owned(),
            ],
            action: Some(Action {
                label: "Set another password",
                url: with_token(base, "password-reset", link),
            }),
            notes: good_once(link),
        },
        Content::PasswordChanged => Page {
            subject: "CodeCourier: Your password was changed".to_owned(),
            paragraphs: vec![
                "The password of your account was changed, and every other device was signed out.".to_owned(),
                "If it was not you, ask for another password at once.".to_owned(),
            ],
            action: Some(sign_in()),
            notes: Vec::new(),
        },
        Content::Invited(invited) => Page {
            subject: "CodeCourier: You are invited to a project".to_owned(),
            paragraphs: vec![match (&invited.inviter, invited.role) {
                (Some(inviter), MemberRole::Member) => {
                    format!(
                        "{} invites you to the project “{}”.",
                        typed(inviter),
                        typed(&invited.project)
                    )
                }
                (Some(inviter), MemberRole::Admin | MemberRole::Owner) => format!(
                    "{} invites you to the project “{}”, as an admin.",
                    typed(inviter),
                    typed(&invited.project)
                ),
                (None, MemberRole::Member) => {
                    format!("You are invited to the project “{}”.", typed(&invited.project))
                }
                (None, MemberRole::Admin | MemberRole::Owner) => {
                    format!(
                        "You are invited to the project “{}”, as an admin.",
                        typed(&invited.project)
                    )
                }
            }],
            action: Some(Action {
                label: "See the invitation",
                url: format!("{base}/invitations/{}", invited.invitation),
            }),
            notes: vec![
                format!(
                    "You can accept it for {}, with an account that has this address.",
                    time_left(invited.until, now)
                ),
                "If you do not know who invites you, ignore this message.".to_owned(),
            ],
        },
    }
}

/// A name that somebody else chose, so that nothing in it becomes a link, an address or a line of its own in whatever
/// shows the mail, and nobody writes to people in our name.
fn typed(name: &str) -> String {
    const MOST_CHARACTERS: usize = 60;
    let kept = name.chars().map(|character| {
        let is_plain =
            character.is_alphanumeric() || matches!(character, '-' | '_' | '\'' | '’' | '&' | '+' | '(' | ')');
        if is_plain { character } else { ' ' }
    });
    let words: String = kept.collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ").chars().take(MOST_CHARACTERS).collect()
}

/// The token stands behind the `#`: browsers keep that part to themselves.
fn with_token(base: &str, page: &str, link: &Link) -> String {
    format!("{base}/{page}#token={}", link.token)
}

/// What is left of it, as people say it.
fn time_left(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.since(now).max(0) / 1_000;
    let minutes = (seconds + 30) / 60;
    match minutes {
        0 | 1 => "one minute".to_owned(),
        2..120 => format!("{minutes} minutes"),
        2_880.. => format!("{} days", minutes / 1_440),
        _ => format!("{} hours", (minutes + 30) / 60),
    }
}
