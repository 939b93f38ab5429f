//! Passwords: which are taken, how they are hashed, and how one is compared.
//!
//! Called by the engine. Hashing costs 19 MiB and some tens of milliseconds by intent, so it happens on threads for
//! blocking work, a few at a time, with a bounded queue before them: more than that are told to come back.
//!
//! Invariants: a comparison takes the same work whether there is an account or not; a password is never in an error, a
//! log or a debug text; what is stored is a PHC string that carries its own parameters, so that they can be raised, and
//! old hashes are told apart when their password is next at hand.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

/// Fewer bytes are guessed too soon, even at the pace that throttling leaves: ten of lower case letters have 47 bits.
/// There are no rules about kinds of characters; they make passwords predictable (NIST SP 800-63B, 3.1.1.2).
pub const LEAST_BYTES: usize = 10;
/// Enough for a passphrase of 256 characters of any script, and little enough that a request stays small. The hash
/// takes passwords whole: nothing is cut off.
pub const MOST_BYTES: usize = 1024;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// How many may wait for their turn.
const QUEUE: usize = 64;

/// The most common passwords that are long enough to be taken, from published lists of leaked ones, in lower case.
const COMMON: &[&str] = &[
    "1234567890",
    "12345678910",
    "0123456789",
    "0987654321",
    "9876543210",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "q1w2e3r4t5",
    "q1w2e3r4t5y6",
    "qwertyuiop",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertz1234",
    "azertyuiop",
    "asdfghjkl123",
    "zxcvbnm123",
    "abcdefghij",
    "abcd123456",
    "abc1234567",
    "abc123abc123",
    "password12",
    "password123",
    "password1234",
    "password!1",
    "passw0rd123",
    "passwordpassword",
    "mypassword",
    "changeme123",
    "letmein123",
    "welcome123",
    "welcome1234",
    "iloveyou12",
    "iloveyou123",
    "admin12345",
    "admin123456",
    "administrator",
    "codecourier",
    "football123",
    "basketball",
    "superman123",
    "1234512345",
    "1234554321",
    "123123123123",
    "1122334455",
];

/// Why a password is not taken. Says nothing of the password itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is too short.
    #[error("A password has at least {LEAST_BYTES} characters.")]
    TooShort,
    /// It is too long.
    #[error("A password has at most {MOST_BYTES} bytes.")]
    TooLong,
    /// It is among the first that anybody tries.
    #[error("This password is one of the first that an attacker tries. Choose another one.")]
    Common,
}

/// Why nothing was hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The operating system gave no random bytes for a salt.
    #[error("the operating system gives no random numbers")]
    NoRandomness(#[source] rand::rngs::SysError),
    /// The stored hash is damaged, or something else is wrong with the hash function.
    #[error("the password could not be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    /// The thread that hashed it panicked.
    #[error("the password could not be hashed")]
    Thread,
}

/// A password that may be set.
#[derive(Clone)]
pub struct FitPassword(SecretString);

/// What a comparison found.
#[derive(Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It is another password, or there is none.
    Different,
    /// It is the password.
    Same,
    /// It is the password, stored with parameters of another time: here is what to store instead.
    SameButOld {
        /// The password, hashed with the present parameters.
        renewed: String,
    },
}

/// What hashes passwords. Cheap to clone; the clones take turns with each other.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// Whoever works.
    places: Arc<Semaphore>,
    /// Whoever works or waits.
    queue: Arc<Semaphore>,
}

impl FitPassword {
    /// The password, if it may be set by someone whom others know by these words: their address, their name.
    pub fn new(password: SecretString, known_words: &[&str]) -> Result<Self, Unfit> {
        let text = password.expose_secret();
        if text.len() < LEAST_BYTES {
            return Err(Unfit::TooShort);
        }
        if text.len() > MOST_BYTES {
            return Err(Unfit::TooLong);
        }
        let lower = zeroize::Zeroizing::new(text.to_lowercase());
        let first = lower.chars().next();
        let is_one_character = lower.chars().all(|character| Some(character) == first);
        let is_known = known_words.iter().any(|word| word.to_lowercase() == *lower);
        if is_one_character || is_known || COMMON.contains(&lower.as_str()) {
            return Err(Unfit::Common);
        }
        Ok(Self(password))
    }
}

impl Passwords {
    /// Hashes that many passwords at a time.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        let places = at_once.max(1);
        Self {
            places: Arc::new(Semaphore::new(places)),
            queue: Arc::new(Semaphore::new(places + QUEUE)),
        }
    }

    /// The hash of a password, as a PHC string.
    pub async fn hash(&self, password: &FitPassword) -> Result<String, HashError> {
        let password = password.0.clone();
        self.off_thread(move || hash_now(&password)).await
    }

    /// Compares a password with a stored hash. Takes its time, too, when there is none.
    pub async fn compare(&self, password: &SecretString, stored: Option<&str>) -> Result<Comparison, HashError> {
        // No password that is longer was ever taken, whoever has an account.
        if password.expose_secret().len() > MOST_BYTES {
            return Ok(Comparison::Different);
        }
        let (password, stored) = (password.clone(), stored.map(str::to_owned));
        self.off_thread(move || match stored {
            None => hash_now(&password).map(|_| Comparison::Different),
            Some(stored) => compare_now(&password, &stored),
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let queued = Arc::clone(&self.queue)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_closed| HashError::Busy)?;
        // The thread holds the place: a caller who goes away frees it only when the work is done.
        let working = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((place, queued));
            result
        });
        working.await.map_err(|_panicked| HashError::Thread)?
    }
}

impl fmt::Debug for FitPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FitPassword(…)")
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Different => "Different",
            Self::Same => "Same",
            Self::SameButOld { .. } => "SameButOld(…)",
        })
    }
}

fn params() -> Result<Params, HashError> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| HashError::Hash(error.into()))
}

fn hash_now(password: &SecretString) -> Result<String, HashError> {
    let mut salt = [0_u8; SALT_BYTES];
    SysRng.try_fill_bytes(&mut salt).map_err(HashError::NoRandomness)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
    let hash: Phc = argon2
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
        .map_err(HashError::Hash)?;
    Ok(hash.to_string())
}

fn compare_now(password: &SecretString, stored: &str) -> Result<Comparison, HashError> {
    let hash = Phc::new(stored).map_err(|error| HashError::Hash(error.into()))?;
    match Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash) {
        Ok(()) => {}
        Err(argon2::password_hash::Error::PasswordInvalid) => return Ok(Comparison::Different),
        Err(error) => return Err(HashError::Hash(error)),
    }
    let present = params()?;
    let is_present = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(&hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (present.m_cost(), present.t_cost(), present.p_cost())
        });
    if is_present {
        return Ok(Comparison::Same);
    }
    Ok(Comparison::SameButOld {
        renewed: hash_now(password)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn fit(text: &str) -> FitPassword {
        FitPassword::new(secret(text), &[]).unwrap()
    }

    #[test]
    fn common_short_and_long_passwords_are_refused_without_repeating_them() {
        let long = "x1".repeat(513);
        let euros = "€".repeat(3);
        for (text, why) in [
            ("", Unfit::TooShort),
            ("123456789", Unfit::TooShort),
            (euros.as_str(), Unfit::TooShort),
            (long.as_str(), Unfit::TooLong),
            ("Password123", Unfit::Common),
            ("QwertyUIOP", Unfit::Common),
            ("aaaaaaaaaaaa", Unfit::Common),
            ("Ada@example.org", Unfit::Common),
        ] {
            let refused = FitPassword::new(secret(text), &["ada@example.org"]).unwrap_err();
            assert_eq!(refused, why, "{text}");
            assert!(text.is_empty() || !refused.to_string().contains(text));
        }
        assert!(
            COMMON
                .iter()
                .all(|common| common.len() >= LEAST_BYTES && common.to_lowercase() == *common)
        );
        for text in [
            "correct horse",
            "пароль пароль",
            "x".repeat(1023).replacen('x', "y", 1).as_str(),
        ] {
            assert!(FitPassword::new(secret(text), &[]).is_ok(), "{text}");
        }
        assert_eq!(format!("{:?}", fit("correct horse")), "FitPassword(…)");
    }

    #[tokio::test]
    async fn a_password_is_the_same_as_itself_to_the_last_byte() {
        let passwords = Passwords::new(2);
        let text = "ж".repeat(499) + "я";
        let stored = passwords.hash(&fit(&text)).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(
            passwords.compare(&secret(&text), Some(&stored)).await.unwrap(),
            Comparison::Same
        );
        for other in [
            text.clone() + "x",
            text[..998].to_owned(),
            String::new(),
            "x".repeat(5_000),
        ] {
            let compared = passwords.compare(&secret(&other), Some(&stored)).await.unwrap();
            assert_eq!(compared, Comparison::Different);
        }
        assert_ne!(passwords.hash(&fit(&text)).await.unwrap(), stored, "the salt is fresh");
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_good_and_renewed() {
        let old = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(64, 1, 1, None).unwrap(),
        );
        let old: Phc = old.hash_password_with_salt(b"correct horse", &[1; 16]).unwrap();
        let passwords = Passwords::new(1);
        let compared = passwords
            .compare(&secret("correct horse"), Some(&old.to_string()))
            .await;
        let Comparison::SameButOld { renewed } = compared.unwrap() else {
            panic!("an old hash passed for a present one");
        };
        let compared = passwords
            .compare(&secret("correct horse"), Some(&renewed))
            .await
            .unwrap();
        assert_eq!(compared, Comparison::Same);
        let wrong = passwords.compare(&secret("another one"), Some(&old.to_string())).await;
        assert_eq!(wrong.unwrap(), Comparison::Different);
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_fault_and_no_match() {
        let passwords = Passwords::new(1);
        for stored in ["", "plain", "$argon2id$v=19$m=19456,t=2,p=1$AAAA"] {
            let compared = passwords.compare(&secret("correct horse"), Some(stored)).await;
            assert!(
                !matches!(compared, Ok(Comparison::Same | Comparison::SameButOld { .. })),
                "{stored}"
            );
        }
        assert_eq!(
            passwords.compare(&secret("correct horse"), None).await.unwrap(),
            Comparison::Different
        );
    }

    #[tokio::test]
    async fn whoever_would_wait_too_long_is_told_so_and_the_others_are_served() {
        let passwords = Passwords::new(1);
        let mut comparing = tokio::task::JoinSet::new();
        for _ in 0..QUEUE + 20 {
            let passwords = passwords.clone();
            // The least work: a hash that cannot be read.
            comparing.spawn(async move { passwords.compare(&secret("correct horse"), Some("plain")).await });
        }
        let answers = comparing.join_all().await;
        let is_busy = |answer: &&Result<Comparison, HashError>| matches!(answer, Err(HashError::Busy));
        let busy = answers.iter().filter(is_busy).count();
        assert!((1..=19).contains(&busy), "{busy} were sent away");
        assert!(passwords.compare(&secret("correct horse"), None).await.is_ok());
    }
}
