//! Keys that sign tokens: well, badly, and in every way that must be refused.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A private key with its name in a key set.
pub struct SigningKey {
    name: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl SigningKey {
    /// A fresh RSA key of 2048 bits, for RS256.
    ///
    /// # Panics
    /// When the library cannot make one.
    #[must_use]
    pub fn rsa(name: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        Self {
            name: name.to_owned(),
            pair: Pair::Rsa(Box::new(pair)),
        }
    }

    /// A fresh key on P-256, for ES256.
    ///
    /// # Panics
    /// When the library cannot make one.
    #[must_use]
    pub fn ec(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key on P-256");
        Self {
            name: name.to_owned(),
            pair: Pair::Ec(Box::new(pair)),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The algorithm that it is for.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// Its public half, as a key set has it.
    #[must_use]
    pub fn public(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA", "kid": self.name, "alg": "RS256", "use": "sig",
                    "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                    "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({
                    "kty": "EC", "crv": "P-256", "kid": self.name, "alg": "ES256", "use": "sig",
                    "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
                })
            }
        }
    }

    /// Its public half as bytes, to use it as what it is not.
    ///
    /// # Panics
    /// When the library cannot write it.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().expect("the public key").as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// Its private half as base64 of PKCS #8, for a provider that is to sign with it.
    ///
    /// # Panics
    /// When the library cannot write it.
    #[must_use]
    pub fn private(&self) -> String {
        match &self.pair {
            Pair::Rsa(pair) => STANDARD.encode(pair.as_der().expect("the private key").as_ref()),
            Pair::Ec(pair) => STANDARD.encode(pair.to_pkcs8v1().expect("the private key")),
        }
    }

    /// A token as an honest provider makes it.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        let head = json!({ "alg": self.algorithm(), "kid": self.name, "typ": "JWT" });
        self.token_with(&head, claims)
    }

    /// A token with any head, signed with this key whatever the head says.
    ///
    /// # Panics
    /// When the library cannot sign.
    #[must_use]
    pub fn token_with(&self, head: &Value, claims: &Value) -> String {
        let signed = unsigned(head, claims);
        let random = SystemRandom::new();
        let bytes = match &self.pair {
            Pair::Rsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut bytes)
                    .expect("a signature");
                bytes
            }
            Pair::Ec(pair) => {
                let bytes: signature::Signature = pair.sign(&random, signed.as_bytes()).expect("a signature");
                bytes.as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The key set of some keys.
#[must_use]
pub fn key_set(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() })
}

/// A token whose signature is made with a secret, as for HS256.
#[must_use]
pub fn token_of_secret(secret: &[u8], head: &Value, claims: &Value) -> String {
    let signed = unsigned(head, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The head and the claims of a token, without a signature and without its dot.
#[must_use]
pub fn unsigned(head: &Value, claims: &Value) -> String {
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encoded(head), encoded(claims))
}

/// The headers of a webhook as Svix signs it, with `secret` as it is shown (`whsec_…`): id, time, signature.
///
/// # Panics
/// When the secret is not base64.
#[must_use]
pub fn webhook_headers(secret: &str, id: &str, at_seconds: i64, body: &str) -> [String; 3] {
    let encoded = secret.trim_start_matches("whsec_");
    let key = STANDARD.decode(encoded).expect("a secret in base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{at_seconds}.{body}").as_bytes());
    [
        id.to_owned(),
        at_seconds.to_string(),
        format!("v1,{}", STANDARD.encode(tag)),
    ]
}
