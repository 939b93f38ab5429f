//! What the vault promises: nothing opens but what was sealed, where it was sealed, and nothing panics.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};

use codecourier_store::sealed::Sealed;

use super::{CommandSource, KeyRing, MasterKeySource, Place, Vault, VaultError, renew_key_file};

const CANARY: &str = "canary-5f1c";

fn place(row: &str) -> Place {
    Place {
        table: "variable",
        row: row.to_owned(),
        column: "sealed",
    }
}

fn vault() -> Vault {
    Vault::new(KeyRing::generate().unwrap())
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn with_envelope(sealed: &Sealed, envelope: String) -> Sealed {
    Sealed {
        envelope,
        key: sealed.key.clone(),
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens_where_it_was_sealed(text in ".{0,200}", row in ".*") {
        let vault = vault();
        let sealed = vault.seal(place(&row), &secret(&text)).unwrap();
        prop_assert!(text.len() < 4 || !sealed.envelope.contains(&text));
        let opened = vault.unseal(place(&row), &sealed).unwrap();
        prop_assert_eq!(opened.expose_secret(), text);
    }

    #[test]
    fn nothing_opens_elsewhere(text in ".*", row in ".*", other in ".*") {
        prop_assume!(row != other);
        let vault = vault();
        let sealed = vault.seal(place(&row), &secret(&text)).unwrap();
        prop_assert!(matches!(vault.unseal(place(&other), &sealed), Err(VaultError::Forged)));
        let column = Place { column: "plain", ..place(&row) };
        prop_assert!(matches!(vault.unseal(column, &sealed), Err(VaultError::Forged)));
        let table = Place { table: "provider_key", ..place(&row) };
        prop_assert!(matches!(vault.unseal(table, &sealed), Err(VaultError::Forged)));
    }

    #[test]
    fn nothing_opens_with_a_flipped_bit(text in ".{0,64}", at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let vault = vault();
        let sealed = vault.seal(place("row"), &secret(&text)).unwrap();
        let (head, tail) = sealed.envelope.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(tail).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let forged = with_envelope(&sealed, format!("{head}.{}", URL_SAFE_NO_PAD.encode(&bytes)));
        prop_assert!(matches!(vault.unseal(place("row"), &forged), Err(VaultError::Forged)));
    }

    #[test]
    fn nothing_opens_with_one_changed_character(at in any::<prop::sample::Index>(), with in "[ -~]") {
        let vault = vault();
        let sealed = vault.seal(place("row"), &secret("a secret")).unwrap();
        let at = at.index(sealed.envelope.len());
        let mut text = sealed.envelope.clone();
        text.replace_range(at..=at, &with);
        let is_same = text == sealed.envelope;
        prop_assert_eq!(vault.unseal(place("row"), &with_envelope(&sealed, text)).is_ok(), is_same);
    }

    #[test]
    fn nothing_opens_when_it_was_cut_or_prolonged(text in ".{0,64}", length in any::<prop::sample::Index>(), tail in ".{1,9}") {
        let vault = vault();
        let sealed = vault.seal(place("row"), &secret(&text)).unwrap();
        let cut = sealed.envelope[..length.index(sealed.envelope.len())].to_owned();
        prop_assert!(vault.unseal(place("row"), &with_envelope(&sealed, cut)).is_err());
        let prolonged = format!("{}{tail}", sealed.envelope);
        prop_assert!(vault.unseal(place("row"), &with_envelope(&sealed, prolonged)).is_err());
    }

    #[test]
    fn foreign_text_never_opens_and_never_panics(text in "(ccv1\\.[0-9a-f]{16}\\.)?.*", key in ".*") {
        let sealed = Sealed { envelope: text, key };
        prop_assert!(vault().unseal(place("row"), &sealed).is_err());
    }

    #[test]
    fn keys_are_read_from_any_text_without_panic_and_without_repeating_it(text in ".{0,300}") {
        if let Err(error) = KeyRing::read(&format!("{text} {CANARY}"), "a text") {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(CANARY));
        }
    }
}

#[test]
fn another_key_opens_nothing_and_says_which_is_missing() {
    let (one, two) = (vault(), vault());
    let sealed = one.seal(place("row"), &secret("text")).unwrap();
    let refused = two.unseal(place("row"), &sealed).unwrap_err();
    assert!(matches!(refused, VaultError::UnknownKey(_)));
    assert!(refused.to_string().contains(&sealed.key), "{refused}");
    // The name of a key that is known does not make it the right one.
    let renamed = sealed.envelope.replace(&sealed.key, &two.newest_key().to_string());
    let refused = two.unseal(place("row"), &with_envelope(&sealed, renamed));
    assert!(matches!(refused, Err(VaultError::Forged)));
}

#[test]
fn the_same_secret_is_never_sealed_to_the_same_text() {
    let vault = vault();
    let seal = || vault.seal(place("row"), &secret("text")).unwrap().envelope;
    assert_ne!(seal(), seal());
}

#[test]
fn the_newest_key_seals_and_every_key_opens() {
    let (old, new) = ("11".repeat(32), "22".repeat(32));
    let before = Vault::new(KeyRing::read(&old, "a text").unwrap());
    let sealed = before.seal(place("row"), &secret("text")).unwrap();
    let both = KeyRing::read(&format!("{new}\n{old} # of last year\n"), "a text").unwrap();
    let after = Vault::new(both);
    assert_eq!(after.unseal(place("row"), &sealed).unwrap().expose_secret(), "text");
    let again = after.seal(place("row"), &secret("text")).unwrap();
    assert_ne!(again.key, sealed.key);
    assert!(before.unseal(place("row"), &again).is_err());
}

#[test]
fn a_key_is_the_same_in_every_spelling_and_nonsense_is_refused() {
    let bytes: Vec<u8> = (200..232).collect();
    let spellings = [
        hex::encode(&bytes),
        hex::encode_upper(&bytes),
        base64::engine::general_purpose::STANDARD.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
        format!(
            "# a comment\n\n  {} , {} # twice",
            hex::encode(&bytes),
            hex::encode(&bytes)
        ),
    ];
    let ids = spellings.map(|text| Vault::new(KeyRing::read(&text, "a text").unwrap()).newest_key());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for text in [
        "",
        "# nothing",
        "short",
        &"0".repeat(64),
        &"ab".repeat(31),
        &"ab".repeat(33),
        "pässword",
    ] {
        assert!(
            matches!(KeyRing::read(text, "a text"), Err(VaultError::Keys { .. })),
            "{text:?}"
        );
    }
}

#[test]
fn neither_debug_nor_errors_show_a_key() {
    let key = hex::encode(*b"canary-canary-canary-canary-4321");
    let vault = Vault::new(KeyRing::read(&key, "a text").unwrap());
    let source = MasterKeySource::Text {
        keys: secret(&key),
        origin: "CODECOURIER_MASTER_KEY".to_owned(),
    };
    let command = MasterKeySource::Command(CommandSource {
        program: "/bin/kms".into(),
        arguments: vec![key.clone()],
        environment: vec![("TOKEN".into(), key.clone().into())],
        timeout: Duration::from_secs(1),
    });
    let shown = format!("{vault:?} {source:?} {command:?}");
    assert!(!shown.contains(&key) && !shown.contains("canary"), "{shown}");
    assert!(
        shown.contains("CODECOURIER_MASTER_KEY") && shown.contains("/bin/kms"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_key_file_is_made_once_and_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let source = MasterKeySource::File(path.clone());
    let opening = (0..8).map(|_| Vault::open(&source));
    let vaults = futures::future::join_all(opening).await;
    let ids: Vec<_> = vaults
        .iter()
        .map(|vault| vault.as_ref().unwrap().newest_key())
        .collect();
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "all that start together use one key: {ids:?}"
    );
    assert_eq!(mode(&path), 0o600);
    assert_eq!(files(directory.path()), 1, "nothing is left beside it");

    let renewed = Vault::new(renew_key_file(&path).unwrap());
    assert_ne!(renewed.newest_key(), ids[0]);
    let sealed = vaults[0].as_ref().unwrap().seal(place("row"), &secret("text")).unwrap();
    let reopened = Vault::open(&source).await.unwrap();
    assert_eq!(reopened.newest_key(), renewed.newest_key());
    assert!(reopened.unseal(place("row"), &sealed).is_ok(), "the old key stays");
    assert_eq!((mode(&path), files(directory.path())), (0o600, 1));
}

#[tokio::test]
async fn a_key_file_that_others_may_read_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let source = MasterKeySource::File(path.clone());
    Vault::open(&source).await.unwrap();
    for bits in [0o640, 0o604, 0o660, 0o602] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).unwrap();
        let refused = Vault::open(&source).await.unwrap_err();
        assert!(
            matches!(&refused, VaultError::Permissions { mode, .. } if *mode == bits),
            "{refused}"
        );
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
        assert!(renew_key_file(&path).is_err());
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    Vault::open(&source).await.unwrap();
}

#[tokio::test]
async fn a_spoilt_key_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    for contents in ["", CANARY, "# only a comment\n"] {
        std::fs::write(&path, contents).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let refused = Vault::open(&MasterKeySource::File(path.clone())).await.unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains(CANARY));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), contents);
    }
    let nowhere = directory.path().join("missing/master.key");
    assert!(matches!(
        Vault::open(&MasterKeySource::File(nowhere)).await,
        Err(VaultError::File { .. })
    ));
}

#[tokio::test]
async fn a_command_gives_the_keys_with_the_environment_that_was_meant() {
    let script = r#"echo "$KEY"; test -z "$HOME$CARGO_MANIFEST_DIR" || exit 1"#;
    let key = "3c".repeat(32);
    let source = shell(script, &[("KEY", &key)], Duration::from_secs(20));
    let vault = Vault::open(&MasterKeySource::Command(source)).await.unwrap();
    let direct = Vault::new(KeyRing::read(&key, "a text").unwrap());
    assert_eq!(vault.newest_key(), direct.newest_key());
}

#[tokio::test]
async fn a_command_that_fails_hangs_or_babbles_is_ended_and_its_output_is_not_told() {
    let told = |script: &'static str, timeout| async move {
        let source = MasterKeySource::Command(shell(script, &[], timeout));
        let error = Vault::open(&source).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(CANARY), "{shown}");
        shown
    };
    let patient = Duration::from_secs(20);
    let failed = told("echo canary-5f1c; echo 'no such key' >&2; exit 3", patient).await;
    assert!(failed.contains("no such key") && failed.contains('3'), "{failed}");
    let hung = told("echo canary-5f1c; sleep 1000 & sleep 1000", Duration::from_millis(100)).await;
    assert!(hung.contains("did not end"), "{hung}");
    let babbled = told("while :; do echo canary-5f1c; done", patient).await;
    assert!(
        babbled.contains("printed more") || babbled.contains("failed"),
        "{babbled}"
    );
    told("echo canary-5f1c", patient).await;
    let relative = CommandSource {
        program: "sh".into(),
        ..shell("", &[], patient)
    };
    let refused = MasterKeySource::Command(relative).load().await.unwrap_err();
    assert!(refused.to_string().contains("absolute"), "{refused}");
}

fn shell(script: &str, environment: &[(&str, &str)], timeout: Duration) -> CommandSource {
    CommandSource {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: environment
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        timeout,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}
