//! Making an account with a password.
//!
//! Where mail is configured, an account is made only when the link in a mail was followed: until then there is a hash of
//! the link and what was asked for. So nobody has an account with an address whose mail they do not read, and the
//! answer to the form is the same for a new address, for one that has an account, and for one that is not invited.
//! Only the very first account is made at once: nobody else is there yet to be told apart, and the operator of a server
//! whose mail does not work must get in to see it.
//!
//! Without mail an account is made at once, and the answer to an address that has one must be CONFLICT: there is no
//! other way left to tell its person, and a false success would be worse. The throttle is what slows down the guessing.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::UserId;
use codecourier_domain::text::DisplayName;
use codecourier_domain::time::Timestamp;
use codecourier_identity::password::FitPassword;
use codecourier_identity::secret_token::InvitationCode;
use codecourier_store::accounts::{Account, AccountStanding, NewAccount, OneTimePurpose, PasswordHash};
use codecourier_store::ledger::TokenHash;
use codecourier_store::{Body, Error as StoreError, Tx};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::links::{NewLink, SIGN_UP_LIFE, VERIFY_LIFE};
use super::sign_in::{BegunSession, begin, hashing_failed};
use super::throttles::{Throttle, admit};
use super::{Accounts, Delivery, SignedIn, Visitor};
use crate::access::SignUpPolicy;
use crate::deed::Deed;
use crate::error::{Error, ErrorCode};
use crate::mail::order::{Content, Letter, Order};
use crate::members::adopt::adopt_projects;
use crate::random::uuid_v7;

/// What somebody who wants an account says.
pub struct SignUp {
    /// The address.
    pub email: EmailAddress,
    /// The name as others see it.
    pub name: DisplayName,
    /// The password.
    pub password: SecretString,
    /// The code of an invitation, which is asked for where accounts are for the invited and no mail proves addresses.
    pub invitation_code: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum SignUpOutcome {
    /// There is an account, and its person is signed in.
    SignedIn(Box<SignedIn>),
    /// If the address may have an account, a message tells its reader how to go on.
    AnsweredByMail,
}

/// What a link to finish a sign-up remembers.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingSignUp {
    pub(super) name: String,
    /// The hash, never the password.
    pub(super) password: String,
}

/// What the command that decides about a sign-up found.
enum Decision {
    Made(Account),
    AnsweredByMail,
}

impl Accounts {
    /// Makes an account, or sends a link with which it is made.
    pub async fn sign_up(&self, asked: SignUp, visitor: &Visitor, delivery: Delivery) -> Result<SignUpOutcome, Error> {
        self.demand_password_sign_in()?;
        let SignUp {
            email,
            name,
            password,
            invitation_code,
        } = asked;
        let code = invitation_code.and_then(|code| InvitationCode::parse(&code).ok());
        let code = code.map(|code| TokenHash::from_bytes(code.sha256()));
        let password = fit(password, &email, name.as_str())?;
        let now = self.engine.clock.now();
        self.admit(&[Throttle::sign_up(visitor)], now).await?;
        let password = self.passwords().hash(&password).await.map_err(hashing_failed)?;

        let new = NewAccount {
            id: UserId::from_uuid(uuid_v7(now)),
            email: email.clone(),
            email_verified_at: None,
            name: String::from(name),
            password: Some(PasswordHash::new(password)),
            at: now,
        };
        let begun = BegunSession::new(new.id, visitor, delivery, now)?;
        let session = begun.row.clone();
        let has_mail = self.config().mailer.is_configured();
        let policy = self.config().sign_up;
        let mail_throttles = Throttle::mail(&email, visitor);
        let link = NewLink::mint(OneTimePurpose::SignUp, SIGN_UP_LIFE)?;
        let proof = NewLink::mint(OneTimePurpose::VerifyEmail, VERIFY_LIFE)?;
        let post = self.engine.post();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let is_first = !tx.read().has_operator().await?;
                if is_first || !has_mail {
                    if !is_first {
                        demand_allowed(tx, policy, &new.email, now).await?;
                        demand_code(tx, policy, &new.email, code, now).await?;
                    }
                    let account = make(tx, &new).await?;
                    begin(tx, &session).await?;
                    if has_mail {
                        let link = proof.write(tx, Some(account.id), &new.email, Body::null(), now).await?;
                        let letter = Letter {
                            to: new.email,
                            user: Some(account.id),
                            content: Content::VerifyEmail { link },
                        };
                        post.put(tx, &Order::Letter(letter), now).await?;
                    }
                    return Ok(Ok(Decision::Made(account)));
                }
                // That nobody may sign up at all is no secret.
                if policy == SignUpPolicy::Closed {
                    return Err(closed());
                }
                if let Err(refused) = admit(tx, &mail_throttles, now).await? {
                    return Ok(Err(refused));
                }
                if let Some(account) = tx.read().account_by_email(&new.email).await? {
                    let letter = Letter {
                        to: new.email,
                        user: Some(account.id),
                        content: Content::AlreadyHasAccount,
                    };
                    post.put(tx, &Order::Letter(letter), now).await?;
                    return Ok(Ok(Decision::AnsweredByMail));
                }
                if demand_allowed(tx, policy, &new.email, now).await.is_err() {
                    return Ok(Ok(Decision::AnsweredByMail));
                }
                let pending = PendingSignUp {
                    name: new.name,
                    password: new.password.map_or_else(String::new, |hash| hash.as_str().to_owned()),
                };
                let body = Body::of(&pending)?;
                let link = link.write(tx, None, &new.email, body, now).await?;
                let letter = Letter {
                    to: new.email,
                    user: None,
                    content: Content::FinishSignUp { link },
                };
                post.put(tx, &Order::Letter(letter), now).await?;
                Ok(Ok(Decision::AnsweredByMail))
            })
        });
        Ok(match write.await?? {
            Decision::Made(account) => SignUpOutcome::SignedIn(Box::new(begun.of(account))),
            Decision::AnsweredByMail => SignUpOutcome::AnsweredByMail,
        })
    }
}

/// A password that may be set by a person with this address and name.
pub(super) fn fit(password: SecretString, email: &EmailAddress, name: &str) -> Result<FitPassword, Error> {
    FitPassword::new(password, &[email.as_str(), name])
        .map_err(|unfit| Error::validation(unfit.to_string()).of_field("password"))
}

/// Makes an account. The first one owns what the command line made.
pub(crate) async fn make(tx: &mut Tx, new: &NewAccount) -> Result<Account, Error> {
    let account = match tx.insert_account(new).await {
        Ok(account) => account,
        Err(StoreError::Taken { .. }) => {
            let message = "This address has an account. Sign in with it.";
            return Err(Error::new(ErrorCode::Conflict, message).of_field("email"));
        }
        Err(error) => return Err(error.into()),
    };
    if account.standing == AccountStanding::Operator {
        let deed = Deed::of(account.id.into(), new.at);
        adopt_projects(tx, &deed, account.id).await?;
    }
    Ok(account)
}

/// Refuses whoever may not make an account here.
pub(crate) async fn demand_allowed(
    tx: &mut Tx,
    policy: SignUpPolicy,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<(), Error> {
    match policy {
        SignUpPolicy::Open => Ok(()),
        SignUpPolicy::Closed => Err(closed()),
        SignUpPolicy::Invitation if tx.read().invitations_to(email, now, 1).await?.is_empty() => Err(not_invited()),
        SignUpPolicy::Invitation => Ok(()),
    }
}

/// Refuses whoever only knows which address was invited, where nobody can prove an address.
async fn demand_code(
    tx: &mut Tx,
    policy: SignUpPolicy,
    email: &EmailAddress,
    code: Option<TokenHash>,
    now: Timestamp,
) -> Result<(), Error> {
    if policy != SignUpPolicy::Invitation {
        return Ok(());
    }
    let is_invited = match code {
        Some(code) => tx.read().is_invited_with(email, code, now).await?,
        None => false,
    };
    if is_invited { Ok(()) } else { Err(not_invited()) }
}

fn not_invited() -> Error {
    Error::new(
        ErrorCode::Forbidden,
        "Accounts on this server are for people who were invited into a project, with the address that was invited and, \
         where the server sends no mail, the code that whoever invited them was given.",
    )
}

fn closed() -> Error {
    Error::new(
        ErrorCode::Forbidden,
        "New accounts are not made on this server. Ask whoever runs it.",
    )
}
