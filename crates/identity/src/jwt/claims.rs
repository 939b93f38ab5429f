//! What a token says, in the shape of OpenID Connect and in that of Clerk.
//!
//! Invariant: a claim of the wrong type makes the whole token unreadable, as does one that occurs twice; an address
//! counts as verified only when the issuer says so in so many words.

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use codecourier_domain::email::EmailAddress;
use codecourier_domain::time::Timestamp;

use super::{LEEWAY_MS, Refused};
use crate::person::{OutsideEmail, OutsidePerson, sound_name, sound_subject};

/// The claims that are looked at.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    azp: Option<String>,
    exp: Option<serde_json::Number>,
    nbf: Option<serde_json::Number>,
    iat: Option<serde_json::Number>,
    nonce: Option<String>,
    sid: Option<String>,
    /// Clerk: whether the session is complete.
    sts: Option<String>,
    email: Option<String>,
    primary_email: Option<String>,
    primary_email_address: Option<String>,
    email_verified: Option<Truth>,
    name: Option<String>,
    full_name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Some providers, and templates of Clerk, write truth as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Truth {
    Plain(bool),
    Text(String),
}

/// What an ID token must say.
#[derive(Clone, Copy)]
pub(crate) struct IdTokenExpectation<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a str,
    pub(crate) nonce: &'a str,
}

impl Truth {
    fn is_true(&self) -> bool {
        match self {
            Self::Plain(truth) => *truth,
            Self::Text(text) => text == "true",
        }
    }
}

impl Claims {
    pub(super) fn check_issuer(&self, issuer: &str) -> Result<(), Refused> {
        (self.iss.as_deref() == Some(issuer))
            .then_some(())
            .ok_or(Refused::Issuer)
    }

    pub(super) fn check_times(&self, now: Timestamp) -> Result<(), Refused> {
        let expires = milliseconds(self.exp.as_ref()).ok_or(Refused::Expired)?;
        if now.milliseconds() >= expires.saturating_add(LEEWAY_MS) {
            return Err(Refused::Expired);
        }
        let latest = now.milliseconds().saturating_add(LEEWAY_MS);
        let is_later = |time: Option<&serde_json::Number>| milliseconds(time).is_some_and(|time| time > latest);
        if is_later(self.nbf.as_ref()) || is_later(self.iat.as_ref()) {
            return Err(Refused::NotYetValid);
        }
        Ok(())
    }

    pub(super) fn is_for_one_of(&self, audiences: &[String]) -> bool {
        audiences.iter().any(|audience| self.is_for(audience))
    }

    pub(super) fn was_issued_to_one_of(&self, parties: &[String]) -> bool {
        self.azp.as_ref().is_some_and(|party| parties.contains(party))
    }

    /// Clerk: a session that still waits for a second factor or a choice proves nothing.
    pub(super) fn check_session(&self) -> Result<(), Refused> {
        match self.sts.as_deref() {
            None | Some("active") => Ok(()),
            Some(_) => Err(Refused::Session),
        }
    }

    /// Everything that OpenID Connect Core, 3.1.3.7, demands of an ID token beside its signature.
    pub(crate) fn check_id_token(&self, expected: IdTokenExpectation<'_>, now: Timestamp) -> Result<(), Refused> {
        self.check_issuer(expected.issuer)?;
        if !self.is_for(expected.client) {
            return Err(Refused::Audience);
        }
        let is_for_others_too = matches!(&self.aud, Some(Audience::Several(several)) if several.len() > 1);
        match self.azp.as_deref() {
            Some(party) if party != expected.client => return Err(Refused::Party),
            None if is_for_others_too => return Err(Refused::Party),
            _ => {}
        }
        self.check_times(now)?;
        if self.iat.is_none() {
            return Err(Refused::NotYetValid);
        }
        let nonce = self.nonce.as_deref().unwrap_or_default();
        if bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
            Ok(())
        } else {
            Err(Refused::Nonce)
        }
    }

    /// Who it is, as far as the token tells.
    pub(crate) fn person(self) -> Result<OutsidePerson, Refused> {
        let email = self.email.or(self.primary_email).or(self.primary_email_address);
        Ok(OutsidePerson {
            issuer: self.iss.ok_or(Refused::Issuer)?,
            subject: self.sub.and_then(sound_subject).ok_or(Refused::Subject)?,
            email: verified_email(email.as_deref(), self.email_verified.as_ref()),
            name: sound_name(self.name.or(self.full_name).as_deref()),
            session: self.sid,
        })
    }

    fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            None => false,
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
        }
    }
}

/// An address as a provider states it. One that we cannot read counts as none.
pub(crate) fn verified_email(email: Option<&str>, verified: Option<&Truth>) -> OutsideEmail {
    match email.and_then(|email| email.parse::<EmailAddress>().ok()) {
        None => OutsideEmail::Absent,
        Some(email) if verified.is_some_and(Truth::is_true) => OutsideEmail::Verified(email),
        Some(email) => OutsideEmail::Unverified(email),
    }
}

/// Seconds since the epoch, possibly with a fraction, as milliseconds.
fn milliseconds(seconds: Option<&serde_json::Number>) -> Option<i64> {
    let seconds = seconds?;
    if let Some(whole) = seconds.as_i64() {
        return Some(whole.saturating_mul(1000));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a conversion from a float saturates, which is what is wanted of a time out of range"
    )]
    seconds.as_f64().map(|seconds| (seconds * 1000.0) as i64)
}
