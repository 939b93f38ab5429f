//! The keys that a provider signs with: its published set, kept for a while.
//!
//! Used by `jwt`. Invariants: only keys for the algorithms that we verify are kept, each for exactly one of them, so that
//! a key is never used as what it is not; a symmetric key in a public set is no key; a set that was good stays in use
//! while its publisher is down; a token that names an unknown key causes a fetch, but strangers cannot cause many.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use codecourier_domain::time::Timestamp;

use crate::kept::Kept;
use crate::outbound::{Endpoint, FetchError, Outbound, Proof};

/// The most keys of a set that are looked at.
const MAX_KEYS: usize = 64;
/// The most bytes of a key's name.
const MAX_NAME: usize = 256;

/// The algorithms that signatures may have. Others are refused by name, whoever signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// A provider's keys.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    name: Option<String>,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

/// Bytes that are no set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a set of JSON web keys")]
pub struct UnreadableKeySet;

/// A provider's keys, fetched from where it publishes them.
#[derive(Debug)]
pub struct PublishedKeys {
    outbound: Arc<Outbound>,
    at: Endpoint,
    kept: Kept<KeySet>,
}

impl SigningAlgorithm {
    /// The algorithm of a token's head, if it is one of ours.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    pub(crate) const fn of_library(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
        }
    }
}

impl KeySet {
    /// Reads a set. Keys that are not for us are left out.
    ///
    /// # Errors
    /// When it is no set at all.
    pub fn parse(json: &[u8]) -> Result<Self, UnreadableKeySet> {
        let document: Document = serde_json::from_slice(json).map_err(|_| UnreadableKeySet)?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        Ok(Self {
            keys: keys
                .filter_map(|value| Key::of(serde_json::from_value(value).ok()?))
                .collect(),
        })
    }

    /// How many keys of it can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none can.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key that a token names; for a token that names none, the only one there is for its algorithm.
    pub(crate) fn find(&self, name: Option<&str>, algorithm: SigningAlgorithm) -> Option<&DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            let is_named = name.is_none() || key.name.as_deref() == name;
            key.algorithm == algorithm && is_named
        });
        let first = fitting.next()?;
        let is_clear = name.is_some() || fitting.next().is_none();
        is_clear.then_some(&first.key)
    }
}

impl PublishedKeys {
    /// The keys that are published at an address.
    #[must_use]
    pub fn at(outbound: Arc<Outbound>, at: Endpoint) -> Self {
        Self {
            outbound,
            at,
            kept: Kept::default(),
        }
    }

    /// The set as it is known; fetched if it has to be.
    pub(crate) async fn get(&self, now: Timestamp) -> Result<Arc<KeySet>, FetchError> {
        self.kept.get(now, async || self.fetch().await).await
    }

    /// The set after one in which a key was missing; the same if it is too soon to ask.
    pub(crate) async fn newer_than(&self, known: Arc<KeySet>, now: Timestamp) -> Arc<KeySet> {
        self.kept.newer_than(known, now, async || self.fetch().await).await
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let answer = self.outbound.get(&self.at, Proof::None, "application/json").await?;
        let set = KeySet::parse(answer.body()?).map_err(|error| answer.unreadable(error.to_string()))?;
        if set.is_empty() {
            return Err(answer.unreadable("its set has no key that could be used"));
        }
        Ok(set)
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.keys.iter().map(|key| (&key.name, key.algorithm));
        formatter.debug_list().entries(names).finish()
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

/// What of a key is looked at (RFC 7517 and 7518). Private parts, were there any, are not read.
#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Key {
    fn of(written: WrittenKey) -> Option<Self> {
        let signs = written.used_for.as_deref().is_none_or(|used_for| used_for == "sig");
        let verifies = written
            .key_ops
            .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        let is_named_soundly = written.kid.as_ref().is_none_or(|name| name.len() <= MAX_NAME);
        if !(signs && verifies && is_named_soundly) {
            return None;
        }
        let (algorithm, key) = match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => (SigningAlgorithm::Rs256, rsa(&written.n?, &written.e?)?),
            ("EC", Some("P-256")) => (SigningAlgorithm::Es256, p256(&written.x?, &written.y?)?),
            _ => return None,
        };
        let is_for_it = match &written.alg {
            None => true,
            Some(name) => SigningAlgorithm::from_name(name) == Some(algorithm),
        };
        is_for_it.then_some(Self {
            name: written.kid,
            algorithm,
            key,
        })
    }
}

/// A modulus of 2048 to 8192 bits and a small exponent: with others, one verification could take seconds.
fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let modulus = URL_SAFE_NO_PAD.decode(modulus).ok()?;
    let exponent = URL_SAFE_NO_PAD.decode(exponent).ok()?;
    let leading = modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = &modulus[leading..];
    let is_sound = (256..=1024).contains(&modulus.len()) && (1..=4).contains(&exponent.len());
    is_sound.then(|| DecodingKey::from_rsa_raw_components(modulus, &exponent))
}

fn p256(x: &str, y: &str) -> Option<DecodingKey> {
    let is_coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
    if !(is_coordinate(x) && is_coordinate(y)) {
        return None;
    }
    DecodingKey::from_ec_components(x, y).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn set(keys: serde_json::Value) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn rsa_key(name: &str) -> serde_json::Value {
        json!({ "kty": "RSA", "kid": name, "n": URL_SAFE_NO_PAD.encode([0xc1; 256]), "e": "AQAB" })
    }

    fn with(mut key: serde_json::Value, field: &str, value: serde_json::Value) -> serde_json::Value {
        key[field] = value;
        key
    }

    #[test]
    fn keys_that_are_not_for_us_are_left_out() {
        let small = URL_SAFE_NO_PAD.encode([0xc1; 128]);
        let huge = URL_SAFE_NO_PAD.encode(vec![0xc1; 1025]);
        let half = URL_SAFE_NO_PAD.encode([7; 31]);
        let whole = URL_SAFE_NO_PAD.encode([7; 32]);
        let set = set(json!([
            rsa_key("good"),
            with(rsa_key("signs"), "use", json!("sig")),
            with(rsa_key("encrypts"), "use", json!("enc")),
            with(rsa_key("wraps"), "key_ops", json!(["wrapKey"])),
            with(rsa_key("long hash"), "alg", json!("RS512")),
            with(rsa_key("confused"), "alg", json!("ES256")),
            with(rsa_key("confused with a secret"), "alg", json!("HS256")),
            with(rsa_key("small"), "n", json!(small)),
            with(rsa_key("huge"), "n", json!(huge)),
            with(rsa_key("padded"), "n", json!(URL_SAFE_NO_PAD.encode([0; 300]))),
            with(rsa_key("huge exponent"), "e", json!(huge)),
            with(rsa_key("no number"), "n", json!(7)),
            rsa_key(&"x".repeat(300)),
            { "kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256" },
            { "kty": "EC", "kid": "other curve", "crv": "P-384", "x": whole, "y": whole },
            { "kty": "EC", "kid": "half", "crv": "P-256", "x": half, "y": whole },
            { "kty": "OKP", "kid": "other", "crv": "Ed25519", "x": whole },
            "no key",
            null,
        ]));
        let kept: Vec<_> = set.keys.iter().map(|key| key.name.as_deref().unwrap()).collect();
        assert_eq!(kept, ["good", "signs"]);
    }

    #[test]
    fn a_key_is_found_by_its_name_and_for_its_algorithm_only() {
        let two = set(json!([rsa_key("one"), rsa_key("two")]));
        assert!(two.find(Some("one"), SigningAlgorithm::Rs256).is_some());
        assert!(two.find(Some("one"), SigningAlgorithm::Es256).is_none());
        assert!(two.find(Some("three"), SigningAlgorithm::Rs256).is_none());
        assert!(
            two.find(None, SigningAlgorithm::Rs256).is_none(),
            "either could be meant"
        );
        let one = set(json!([rsa_key("one")]));
        assert!(one.find(None, SigningAlgorithm::Rs256).is_some());
    }

    #[test]
    fn only_two_algorithms_have_a_name_here() {
        for name in ["none", "None", "HS256", "rs256", "RS512", "PS256", "ES384", "EdDSA", ""] {
            assert_eq!(SigningAlgorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        let deep = "[".repeat(100_000);
        for text in ["", "null", "[]", "{}", r#"{"keys": 7}"#, r#"{"keys": {}}"#, &deep] {
            assert!(KeySet::parse(text.as_bytes()).is_err(), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn hostile_sets_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            fields in prop::collection::hash_map("kty|kid|alg|use|crv|n|e|x|y|key_ops", "RSA|EC|P-256|AQAB|[A-Za-z0-9_=-]{0,60}", 0..8),
        ) {
            drop(KeySet::parse(&bytes));
            let document = json!({ "keys": [fields] });
            prop_assert!(KeySet::parse(document.to_string().as_bytes()).is_ok());
        }
    }
}
