//! Signatures of webhooks as Svix makes them, which Clerk and others send through.
//!
//! The engine checks a webhook here before it reads it. Invariants: the signature covers the message's id, its time and
//! its exact bytes; a message older or newer than five minutes is refused, so that the memory of ids need not be long;
//! signatures are compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use codecourier_domain::time::Timestamp;

/// How far the message's time may be from ours.
pub const TOLERANCE_MS: i64 = 5 * 60 * 1000;
/// The most bytes of a message's id.
const MAX_ID: usize = 128;
/// The most signatures that are looked at: one a key, while a key is being changed.
const MAX_SIGNATURES: usize = 16;
/// What a secret starts with where it is shown.
const SECRET_PREFIX: &str = "whsec_";

/// The key that a sender signs with.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

/// A secret that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's secret is `whsec_` and base64 of 16 to 64 bytes")]
pub struct UnsoundSecret;

/// The headers of a webhook, as they came.
#[derive(Debug, Clone, Copy)]
pub struct WebhookHeaders<'a> {
    /// `svix-id`.
    pub id: &'a str,
    /// `svix-timestamp`.
    pub timestamp: &'a str,
    /// `svix-signature`.
    pub signatures: &'a str,
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its id is missing or cannot be one.
    #[error("the webhook's id is missing or unusable")]
    Id,
    /// Its time is missing or too far from ours.
    #[error("the webhook's time is missing or more than five minutes off")]
    Time,
    /// None of its signatures is the sender's.
    #[error("the webhook's signature is wrong")]
    Signature,
}

impl WebhookSecret {
    /// Reads a secret as the sender shows it.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn parse(text: &SecretString) -> Result<Self, UnsoundSecret> {
        let text = text.expose_secret().trim();
        let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
        let key = STANDARD.decode(encoded).map_err(|_| UnsoundSecret)?;
        if !(16..=64).contains(&key.len()) {
            return Err(UnsoundSecret);
        }
        Ok(Self(key.into()))
    }

    /// Checks a message, and gives its id: the same message comes again until it was answered.
    ///
    /// # Errors
    /// When it is not the sender's, or not of now.
    pub fn verify<'a>(&self, headers: WebhookHeaders<'a>, body: &[u8], now: Timestamp) -> Result<&'a str, Refused> {
        let is_sound = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
        if headers.id.is_empty() || headers.id.len() > MAX_ID || !headers.id.bytes().all(is_sound) {
            return Err(Refused::Id);
        }
        let is_number = !headers.timestamp.is_empty() && headers.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = headers
            .timestamp
            .parse::<i64>()
            .ok()
            .filter(|_| is_number)
            .ok_or(Refused::Time)?;
        let off = now.since(Timestamp(seconds.saturating_mul(1000)));
        if off.saturating_abs() > TOLERANCE_MS {
            return Err(Refused::Time);
        }
        let expected = self.sign(headers.id, headers.timestamp, body);
        let mut is_right = Choice::from(0);
        for signature in headers.signatures.split(' ').take(MAX_SIGNATURES) {
            let encoded = signature.strip_prefix("v1,").unwrap_or_default();
            if let Ok(signature) = STANDARD.decode(encoded) {
                is_right |= signature.as_slice().ct_eq(&expected);
            }
        }
        if bool::from(is_right) {
            Ok(headers.id)
        } else {
            Err(Refused::Signature)
        }
    }

    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
        // A key of any length is taken.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    /// The example of Svix's own documentation.
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const THEN: Timestamp = Timestamp(1_614_265_330_000);

    fn secret() -> WebhookSecret {
        WebhookSecret::parse(&SECRET.to_owned().into()).unwrap()
    }

    fn headers<'a>(id: &'a str, timestamp: &'a str, signatures: &'a str) -> WebhookHeaders<'a> {
        WebhookHeaders {
            id,
            timestamp,
            signatures,
        }
    }

    #[test]
    fn a_published_example_is_believed() {
        assert_eq!(secret().verify(headers(ID, TIME, SIGNATURE), BODY, THEN), Ok(ID));
        let several = format!("v1,AAAA v2,{} nonsense {SIGNATURE}", &SIGNATURE[3..]);
        assert_eq!(secret().verify(headers(ID, TIME, &several), BODY, THEN), Ok(ID));
        let unprefixed = WebhookSecret::parse(&SECRET[6..].to_owned().into()).unwrap();
        assert_eq!(unprefixed.verify(headers(ID, TIME, SIGNATURE), BODY, THEN), Ok(ID));
    }

    #[test]
    fn whatever_differs_is_refused() {
        let check = |id, time, signature, body: &[u8]| secret().verify(headers(id, time, signature), body, THEN);
        assert_eq!(check("msg_other", TIME, SIGNATURE, BODY), Err(Refused::Signature));
        assert_eq!(check(ID, "1614265331", SIGNATURE, BODY), Err(Refused::Signature));
        assert_eq!(check(ID, TIME, SIGNATURE, b"{}"), Err(Refused::Signature));
        let of_another_version = SIGNATURE.replace("v1", "v2");
        for signature in ["", "v1,", &SIGNATURE[3..], &of_another_version, &SIGNATURE[..20]] {
            assert_eq!(check(ID, TIME, signature, BODY), Err(Refused::Signature), "{signature}");
        }
        let other = WebhookSecret::parse(&"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned().into()).unwrap();
        assert_eq!(
            other.verify(headers(ID, TIME, SIGNATURE), BODY, THEN),
            Err(Refused::Signature)
        );
        let crowd = "v1,AAAA ".repeat(MAX_SIGNATURES) + SIGNATURE;
        assert_eq!(check(ID, TIME, &crowd, BODY), Err(Refused::Signature));
    }

    #[test]
    fn five_minutes_are_tolerated_both_ways() {
        let at = |off: i64| secret().verify(headers(ID, TIME, SIGNATURE), BODY, THEN.plus_milliseconds(off));
        assert!(at(TOLERANCE_MS).is_ok() && at(-TOLERANCE_MS).is_ok());
        assert_eq!(at(TOLERANCE_MS + 1), Err(Refused::Time));
        assert_eq!(at(-TOLERANCE_MS - 1), Err(Refused::Time));
    }

    #[test]
    fn odd_headers_and_secrets_are_refused() {
        for id in ["", "a.b", "a b", "a\nb", &"x".repeat(129), "ü"] {
            assert_eq!(
                secret().verify(headers(id, TIME, SIGNATURE), BODY, THEN),
                Err(Refused::Id),
                "{id}"
            );
        }
        for time in [
            "",
            "+1614265330",
            "-1",
            "1614265330.5",
            "99999999999999999999",
            "9223372036854775807",
            "now",
        ] {
            assert_eq!(
                secret().verify(headers(ID, time, SIGNATURE), BODY, THEN),
                Err(Refused::Time),
                "{time}"
            );
        }
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "whsec_!!!",
            &format!("whsec_{}", "A".repeat(120)),
        ] {
            assert!(WebhookSecret::parse(&text.to_owned().into()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn hostile_headers_never_panic_and_never_pass(id in ".*", time in ".*|[0-9]{1,20}", signatures in ".*|v1,[A-Za-z0-9+/= ,]*", body in prop::collection::vec(any::<u8>(), 0..50)) {
            prop_assert!(secret().verify(headers(&id, &time, &signatures), &body, THEN).is_err());
        }
    }
}
