//! Links in mail: asking for one, and what following it does.
//!
//! Asking is answered at once and in one way, whoever has an account: whether there is something to send is found out
//! when it is sent. Following a link uses it up, proves that its reader reads the mail of the address, and more by its
//! purpose. The token stands in the fragment of the address, which browsers send to no server and no other page.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::UserId;
use codecourier_domain::time::Timestamp;
use codecourier_identity::secret_token::OneTimeToken;
use codecourier_store::accounts::{Account, NewAccount, NewOneTimeToken, OneTimePurpose, PasswordHash};
use codecourier_store::changes::ChangeOp;
use codecourier_store::ledger::TokenHash;
use codecourier_store::{Body, Tx};

use super::sessions::{end_sessions_but, tell};
use super::sign_in::{BegunSession, begin};
use super::sign_up::{PendingSignUp, demand_allowed, make};
use super::throttles::{Throttle, admit};
use super::{AccountView, Accounts, Delivery, SignedIn, Visitor};
use crate::error::{Error, ErrorCode};
use crate::mail::order::{Content, Letter, Link, Order, Wanted, WantedLink};
use crate::random::uuid_v7;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// For how long a link to sign in is good.
pub(super) const MAGIC_LINK_LIFE: i64 = 15 * MINUTE;
/// For how long a link to set another password is good.
pub(super) const RESET_LIFE: i64 = 30 * MINUTE;
/// For how long a link to finish a sign-up is good.
pub(super) const SIGN_UP_LIFE: i64 = 24 * HOUR;
/// For how long a link that only proves an address is good.
pub(super) const VERIFY_LIFE: i64 = 24 * HOUR;
/// How many earlier links of a kind stay good when another is sent: mails overtake each other.
const EARLIER_LINKS: u32 = 2;

/// What following a link to prove an address led to.
#[derive(Debug)]
pub enum Verified {
    /// The account was made, and its person is signed in.
    SignedIn(Box<SignedIn>),
    /// The account was there, and its address is proved.
    Address(Box<AccountView>),
}

/// A link before it is written down.
#[derive(Clone)]
pub(crate) struct NewLink {
    purpose: OneTimePurpose,
    token: OneTimeToken,
    life: i64,
}

impl NewLink {
    pub(super) fn mint(purpose: OneTimePurpose, life: i64) -> Result<Self, Error> {
        let token = OneTimeToken::mint().map_err(|error| Error::internal("Making a token", error))?;
        Ok(Self { purpose, token, life })
    }

    /// A link that somebody asked for.
    pub(crate) fn wanted(wanted: &WantedLink) -> Result<Self, Error> {
        Self::mint(wanted.what.purpose(), wanted.what.life())
    }

    /// Writes it down, and gives what is mailed.
    pub(super) async fn write(
        &self,
        tx: &mut Tx,
        user: Option<UserId>,
        email: &EmailAddress,
        body: Body,
        now: Timestamp,
    ) -> Result<Link, codecourier_store::Error> {
        let good_until = now.plus_milliseconds(self.life);
        let new = NewOneTimeToken {
            token: TokenHash::from_bytes(self.token.sha256()),
            purpose: self.purpose,
            user,
            email: email.clone(),
            at: now,
            expires_at: good_until,
            body,
        };
        tx.insert_one_time_token(&new, EARLIER_LINKS).await?;
        Ok(Link {
            token: self.token.expose().to_owned(),
            good_until,
        })
    }
}

impl Wanted {
    const fn purpose(self) -> OneTimePurpose {
        match self {
            Self::SignIn => OneTimePurpose::MagicLink,
            Self::PasswordReset => OneTimePurpose::PasswordReset,
            Self::Verification => OneTimePurpose::VerifyEmail,
        }
    }

    const fn life(self) -> i64 {
        match self {
            Self::SignIn => MAGIC_LINK_LIFE,
            Self::PasswordReset => RESET_LIFE,
            Self::Verification => VERIFY_LIFE,
        }
    }
}

/// The letter with a link that somebody asked for, if there is anybody who may have it.
pub(crate) async fn letter_of(
    tx: &mut Tx,
    wanted: &WantedLink,
    link: NewLink,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    let Some(account) = tx.read().account_by_email(&wanted.to).await? else {
        return match wanted.what {
            Wanted::SignIn | Wanted::PasswordReset => Ok(None),
            Wanted::Verification => sign_up_again(tx, &wanted.to, link, now).await,
        };
    };
    if wanted.what == Wanted::Verification && account.email_verified_at.is_some() {
        return Ok(None);
    }
    let link = link.write(tx, Some(account.id), &wanted.to, Body::null(), now).await?;
    Ok(Some(Letter {
        to: wanted.to.clone(),
        user: Some(account.id),
        content: match wanted.what {
            Wanted::SignIn => Content::MagicLink { link },
            Wanted::PasswordReset => Content::PasswordReset { link },
            Wanted::Verification => Content::VerifyEmail { link },
        },
    }))
}

/// Another link to finish a sign-up that is open, with what was asked for then.
async fn sign_up_again(tx: &mut Tx, to: &EmailAddress, link: NewLink, now: Timestamp) -> Result<Option<Letter>, Error> {
    let open = tx.read().newest_one_time_token(to, OneTimePurpose::SignUp, now).await?;
    let Some(open) = open else {
        return Ok(None);
    };
    let link = NewLink {
        purpose: OneTimePurpose::SignUp,
        life: SIGN_UP_LIFE,
        ..link
    };
    let link = link.write(tx, None, to, open.body, now).await?;
    Ok(Some(Letter {
        to: to.clone(),
        user: None,
        content: Content::FinishSignUp { link },
    }))
}

impl Accounts {
    /// Sends another link to prove an address or to finish a sign-up, if one of them is open.
    pub async fn request_verification(&self, email: EmailAddress, visitor: &Visitor) -> Result<(), Error> {
        self.send_link(Wanted::Verification, email, visitor).await
    }

    /// Sends a link to sign in, if the address has an account.
    pub async fn request_magic_link(&self, email: EmailAddress, visitor: &Visitor) -> Result<(), Error> {
        self.send_link(Wanted::SignIn, email, visitor).await
    }

    /// Sends a link to set another password, if the address has an account.
    pub async fn request_password_reset(&self, email: EmailAddress, visitor: &Visitor) -> Result<(), Error> {
        self.demand_password_sign_in()?;
        self.send_link(Wanted::PasswordReset, email, visitor).await
    }

    async fn send_link(&self, what: Wanted, to: EmailAddress, visitor: &Visitor) -> Result<(), Error> {
        if !self.config().mailer.is_configured() {
            let message = "This server sends no mail. Ask whoever runs it to help you sign in.";
            return Err(Error::new(ErrorCode::Unavailable, message));
        }
        let now = self.engine.clock.now();
        let (throttles, post) = (Throttle::mail(&to, visitor), self.engine.post());
        let until = now.plus_milliseconds(what.life());
        let order = Order::Link(WantedLink { what, to, until });
        // Nobody is looked up here: how long it takes would tell whether there is an account.
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                if let Err(refused) = admit(tx, &throttles, now).await? {
                    return Ok::<_, Error>(Err(refused));
                }
                post.put(tx, &order, now).await?;
                Ok(Ok(()))
            })
        });
        write.await?
    }

    /// Signs in whoever followed a link to sign in.
    pub async fn confirm_magic_link(
        &self,
        token: &str,
        visitor: &Visitor,
        delivery: Delivery,
    ) -> Result<SignedIn, Error> {
        let hash = parse(token)?;
        let now = self.engine.clock.now();
        let account = self.account_of_link(hash, OneTimePurpose::MagicLink, now).await?;
        let begun = BegunSession::new(account, visitor, delivery, now)?;
        let session = begun.row.clone();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let account = follow(tx, hash, OneTimePurpose::MagicLink, now).await?;
                begin(tx, &session).await?;
                Ok::<_, Error>(account)
            })
        });
        Ok(begun.of(write.await?))
    }

    /// Whose link it is, for what is prepared before it is used.
    async fn account_of_link(&self, hash: TokenHash, purpose: OneTimePurpose, now: Timestamp) -> Result<UserId, Error> {
        let found = self
            .engine
            .store
            .read()
            .await?
            .one_time_token(hash, purpose, now)
            .await?;
        found.and_then(|found| found.user).ok_or_else(dead_link)
    }

    /// Makes the account of whoever followed the link in the mail about their sign-up, and signs them in; or notes that
    /// the address of an account that was there is proved.
    pub async fn verify_email(&self, token: &str, visitor: &Visitor, delivery: Delivery) -> Result<Verified, Error> {
        let hash = parse(token)?;
        let now = self.engine.clock.now();
        let policy = self.config().sign_up;
        let begun = BegunSession::new(UserId::from_uuid(uuid_v7(now)), visitor, delivery, now)?;
        let session = begun.row.clone();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let Some(used) = tx.use_one_time_token(hash, OneTimePurpose::SignUp, now).await? else {
                    let account = follow(tx, hash, OneTimePurpose::VerifyEmail, now).await?;
                    return Ok::<_, Error>((account, false));
                };
                demand_allowed(tx, policy, &used.email, now).await?;
                let pending: PendingSignUp = used.body.read()?;
                let new = NewAccount {
                    id: session.user,
                    email: used.email,
                    email_verified_at: Some(now),
                    name: pending.name,
                    password: Some(PasswordHash::new(pending.password)),
                    at: now,
                };
                let account = make(tx, &new).await?;
                tx.revoke_one_time_tokens(&new.email).await?;
                begin(tx, &session).await?;
                Ok((account, true))
            })
        });
        Ok(match write.await? {
            (account, true) => Verified::SignedIn(Box::new(begun.of(account))),
            (account, false) => Verified::Address(Box::new(account.into())),
        })
    }
}

/// Uses a link of an account that is there, and notes that its address is proved.
///
/// Whoever made the account without proving the address may be somebody else: their password and sessions end here.
/// Only a link that was sent for this very purpose leaves them, since it was sent because that account was made.
pub(super) async fn follow(
    tx: &mut Tx,
    hash: TokenHash,
    purpose: OneTimePurpose,
    now: Timestamp,
) -> Result<Account, Error> {
    let used = tx.use_one_time_token(hash, purpose, now).await?.ok_or_else(dead_link)?;
    let user = used.user.ok_or_else(dead_link)?;
    let account = tx.read().account(user).await?.ok_or_else(dead_link)?;
    if account.email.as_ref() != Some(&used.email) {
        return Err(dead_link());
    }
    if account.email_verified_at.is_none() {
        if purpose != OneTimePurpose::VerifyEmail {
            tx.remove_password(user, now).await?;
            end_sessions_but(tx, user, None, now).await?;
        }
        tx.verify_email(user, &used.email, now).await?;
        tell(tx, user, ("account", user.to_string()), ChangeOp::Put, now).await?;
    }
    tx.read().account(user).await?.ok_or_else(dead_link)
}

pub(super) fn parse(token: &str) -> Result<TokenHash, Error> {
    let token = OneTimeToken::parse(token).map_err(|_| dead_link())?;
    Ok(TokenHash::from_bytes(token.sha256()))
}

/// The one answer to a link that is worth nothing, whyever.
pub(super) fn dead_link() -> Error {
    Error::new(
        ErrorCode::AuthInvalid,
        "This link is not good any more: it was used, it is too old, or it is not whole. Ask for another one.",
    )
}
