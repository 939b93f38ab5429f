//! The compact form of a signed token (RFC 7515, 7.1): its head, and whether its signature is right.
//!
//! Invariant: nothing of the claims is read before the signature was checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::{Claims, MAX_TOKEN_BYTES, Refused};
use crate::jwks::SigningAlgorithm;

/// What a token is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenUse {
    /// To sign in with, once.
    IdToken,
    /// To prove with each request who asks.
    Bearer,
}

/// A token as it was sent, with its head read.
pub(crate) struct Compact<'t> {
    algorithm: SigningAlgorithm,
    key_name: Option<String>,
    signed: &'t str,
    claims: &'t str,
    signature: &'t str,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
    b64: Option<serde_json::Value>,
}

impl<'t> Compact<'t> {
    pub(crate) fn parse(token: &'t str, token_use: TokenUse) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (head, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
        if claims.contains('.') {
            return Err(Refused::Malformed);
        }
        let head: Head = decoded(head)?;
        // The algorithm first: whoever sends `none` shall read that in the log.
        let algorithm = SigningAlgorithm::from_name(&head.alg).ok_or(Refused::Algorithm)?;
        if head.crit.is_some() || head.b64.is_some() {
            return Err(Refused::Critical);
        }
        if !is_of_kind(head.typ.as_deref(), token_use) {
            return Err(Refused::Kind);
        }
        Ok(Self {
            algorithm,
            key_name: head.kid,
            signed,
            claims,
            signature,
        })
    }

    pub(crate) const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    pub(crate) fn key_name(&self) -> Option<&str> {
        self.key_name.as_deref()
    }

    pub(super) fn check_signature(&self, key: &DecodingKey) -> Result<(), Refused> {
        let algorithm = self.algorithm.of_library();
        match jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refused::Signature),
        }
    }

    pub(crate) fn claims(&self) -> Result<Claims, Refused> {
        decoded(self.claims)
    }
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Refused> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refused::Malformed)
}

/// Tokens for other uses say so in their head: one that notifies of a sign-out, say, proves nobody's presence.
fn is_of_kind(kind: Option<&str>, token_use: TokenUse) -> bool {
    let Some(kind) = kind else { return true };
    let kind = kind.to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    match token_use {
        TokenUse::IdToken => kind == "jwt",
        TokenUse::Bearer => matches!(kind, "jwt" | "at+jwt"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::jwks::KeySet;
    use crate::jwt::verify_with;

    fn parsed(head: &Value, token_use: TokenUse) -> Result<(), Refused> {
        let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(head.to_string()));
        Compact::parse(&token, token_use).map(drop)
    }

    #[test]
    fn only_our_algorithms_and_kinds_get_past_the_head() {
        for token_use in [TokenUse::IdToken, TokenUse::Bearer] {
            assert!(parsed(&json!({ "alg": "RS256" }), token_use).is_ok());
            assert!(
                parsed(
                    &json!({ "alg": "ES256", "typ": "jwt", "kid": "k", "jku": "ignored" }),
                    token_use
                )
                .is_ok()
            );
        }
        for name in [
            "none", "None", "nOnE", "", "HS256", "HS512", "RS512", "PS256", "ES384", "EdDSA", "rs256",
        ] {
            let refused = parsed(&json!({ "alg": name }), TokenUse::Bearer);
            assert!(matches!(refused, Err(Refused::Algorithm)), "{name}");
        }
        let critical = parsed(&json!({ "alg": "RS256", "crit": ["exp"] }), TokenUse::Bearer);
        assert!(matches!(critical, Err(Refused::Critical)));
        let unencoded = parsed(&json!({ "alg": "RS256", "b64": false }), TokenUse::Bearer);
        assert!(matches!(unencoded, Err(Refused::Critical)));
        for kind in ["logout+jwt", "secevent+jwt", "dpop+jwt", "application/logout+jwt"] {
            let refused = parsed(&json!({ "alg": "RS256", "typ": kind }), TokenUse::Bearer);
            assert!(matches!(refused, Err(Refused::Kind)), "{kind}");
        }
        let access_token = json!({ "alg": "RS256", "typ": "at+jwt" });
        assert!(parsed(&access_token, TokenUse::Bearer).is_ok());
        assert!(matches!(parsed(&access_token, TokenUse::IdToken), Err(Refused::Kind)));
    }

    #[test]
    fn what_has_not_the_shape_of_a_token_is_refused() {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","alg":"none"}"#);
        for token in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            head.clone(),
            format!("{head}.e30"),
            format!("{head}.e30.AAAA.AAAA"),
            format!("{head}=.e30.AAAA"),
            format!("{twice}.e30.AAAA"),
            format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode("[]")),
            format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode("[".repeat(5000))),
        ] {
            let refused = Compact::parse(&token, TokenUse::Bearer).map(drop);
            assert!(matches!(refused, Err(Refused::Malformed)), "{token:.60}");
        }
        let long = format!("{head}.{}.AAAA", "A".repeat(MAX_TOKEN_BYTES));
        assert!(matches!(Compact::parse(&long, TokenUse::Bearer), Err(Refused::TooLong)));
    }

    proptest! {
        #[test]
        fn hostile_tokens_never_panic_and_never_pass(
            text in ".*|[A-Za-z0-9_.-]*",
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 3),
            head in "\\{\"alg\":\"(RS|ES|HS)256\"(,\"kid\":\"k?\")?\\}",
        ) {
            let keys = json!({ "keys": [
                { "kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xc1; 256]), "e": "AQAB" },
                { "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode([7; 32]), "y": URL_SAFE_NO_PAD.encode([9; 32]) },
            ]});
            let keys = KeySet::parse(keys.to_string().as_bytes()).unwrap();
            let encoded: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
            let headed = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(head), encoded[1], encoded[2]);
            for token in [text, encoded.join("."), headed] {
                for token_use in [TokenUse::IdToken, TokenUse::Bearer] {
                    if let Ok(token) = Compact::parse(&token, token_use) {
                        prop_assert!(verify_with(&keys, &token).is_err());
                    }
                }
            }
        }
    }
}
