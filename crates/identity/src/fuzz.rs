//! Entry points for fuzzing: what reads bytes that somebody sends to prove who they are.
//!
//! Called by the repository's fuzz targets and by nobody else. Each gives an error that says which promise is broken.

use codecourier_domain::time::Timestamp;
use secrecy::SecretString;

use crate::jwks::KeySet;
use crate::jwt::{Compact, TokenUse, verify_with};
use crate::secret_token::{ApiKeyToken, OneTimeToken, SecretToken, SessionToken, TokenKind};
use crate::svix::{WebhookHeaders, WebhookSecret};

/// A public key of RFC 7517. Nobody signs with it here: a token that passes is forged.
const KEY_SET: &[u8] = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1","use":"sig",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

/// Our own tokens: what is one is one of one kind only, is exactly the text that came, and shows nothing of itself.
///
/// # Errors
/// When another text passes, or a token passes for two things.
pub fn check_token(input: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Ok(());
    };
    let kinds = [
        is_token(SessionToken::parse(text).ok(), text)?,
        is_token(ApiKeyToken::parse(text).ok(), text)?,
        is_token(OneTimeToken::parse(text).ok(), text)?,
    ];
    if kinds.into_iter().filter(|is| *is).count() > 1 {
        return Err("one text is tokens of two kinds".to_owned());
    }
    Ok(())
}

fn is_token<K: TokenKind>(token: Option<SecretToken<K>>, text: &str) -> Result<bool, String> {
    let Some(token) = token else { return Ok(false) };
    if token.expose() != text {
        return Err("the token is not the text it was read from".to_owned());
    }
    if format!("{token:?}").contains(&text[K::PREFIX.len()..]) {
        return Err("the token shows itself".to_owned());
    }
    Ok(true)
}

/// Tokens of outside providers: none is believed whose signature nobody made, and reading what is in one ends.
///
/// # Errors
/// When one is believed.
pub fn check_signed_token(input: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Ok(());
    };
    let keys = KeySet::parse(KEY_SET).map_err(|error| error.to_string())?;
    for token_use in [TokenUse::IdToken, TokenUse::Bearer] {
        if let Ok(token) = Compact::parse(text, token_use) {
            // What would be read if somebody had signed it.
            let _ = token.claims();
            if verify_with(&keys, &token).is_ok() {
                return Err("a token is believed that nobody signed".to_owned());
            }
        }
    }
    Ok(())
}

/// A provider's keys: whatever it publishes, what is taken is a bounded number of keys that can be asked for.
///
/// # Errors
/// When there are more than are looked at.
pub fn check_key_set(input: &[u8]) -> Result<(), String> {
    match KeySet::parse(input) {
        Ok(keys) if keys.len() > 64 => Err(format!("{} keys were taken", keys.len())),
        _ => Ok(()),
    }
}

/// Webhooks, as lines: id, time, signatures, and the body. Whatever is believed is not believed with another body.
///
/// # Errors
/// When it is.
pub fn check_webhook(input: &[u8]) -> Result<(), String> {
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (id, timestamp, signatures) = (text(), text(), text());
    let body = lines.next().unwrap_or_default();
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let secret = WebhookSecret::parse(&secret).map_err(|error| error.to_string())?;
    let headers = WebhookHeaders {
        id: &id,
        timestamp: &timestamp,
        signatures: &signatures,
    };
    let now = Timestamp(1_614_265_330_000);
    if secret.verify(headers, body, now).is_ok() {
        let mut other = body.to_vec();
        other.push(b' ');
        if secret.verify(headers, &other, now).is_ok() {
            return Err("one signature is good for two bodies".to_owned());
        }
    }
    Ok(())
}
