//! Names, and taking secrets out of texts.

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json;

use super::{NameRefused, Redactor, StreamRedactor, check_name};

fn redactor(secrets: &[&str]) -> Redactor {
    Redactor::new(secrets.iter().map(|secret| SecretString::from(*secret)))
}

#[test]
fn names_are_those_of_environment_variables() {
    for name in [
        "A",
        "_",
        "DATABASE_URL",
        "lower",
        "_1",
        &"A".repeat(128),
        "PATHS",
        "LDAP_URL",
    ] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    for name in ["", "1A", "A-B", "A B", "A=B", "Ä", "A\0", "A\n", &"A".repeat(129)] {
        assert_eq!(check_name(name), Err(NameRefused::Shape), "{name:?}");
    }
}

#[test]
fn names_of_the_platform_are_refused_with_the_reason() {
    for (name, reason) in [
        ("PATH", "found"),
        ("LD_PRELOAD", "load code"),
        ("ANTHROPIC_API_KEY", "provider key"),
        ("ANTHROPIC_BASE_URL", "gateway"),
        ("CODECOURIER_X", "platform's own"),
        ("BASH_ENV", "shell"),
        ("GIT_CONFIG_COUNT", "Git"),
    ] {
        let refused = check_name(name).unwrap_err().to_string();
        assert!(refused.contains(name) && refused.contains(reason), "{refused}");
    }
}

#[test]
fn a_secret_is_taken_out_as_it_is_and_as_json_shows_it() {
    let redactor = redactor(&["pa\"ss\\word", "shortish"]);
    let event = json!({
        "text": "it is pa\"ss\\word, said the agent",
        "nested": [{ "stdout": "{\"password\": \"pa\\\"ss\\\\word\"}" }],
        "shortish-key": "a shortisher one",
        "number": 7,
    });
    let clean = redactor.value(event);
    assert_eq!(
        clean,
        json!({
            "text": "it is [secret], said the agent",
            "nested": [{ "stdout": "{\"password\": \"[secret]\"}" }],
            "[secret]-key": "a [secret]er one",
            "number": 7,
        })
    );
}

#[test]
fn each_line_of_a_key_is_taken_out() {
    let key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n";
    let redactor = redactor(&[key]);
    assert_eq!(
        redactor.text("1: AAAABBBBCCCC\n-----END KEY-----".to_owned()),
        "1: [secret]\n-----END KEY-----"
    );
    assert!(!redactor.text(key.to_owned()).contains("AAAA"));
}

#[test]
fn neither_debug_nor_an_empty_list_does_harm() {
    assert_eq!(format!("{:?}", redactor(&["canary-secret"])), "Redactor(1)");
    let empty = redactor(&[]);
    assert!(empty.is_empty());
    assert_eq!(empty.text("text".to_owned()), "text");
}

proptest! {
    #[test]
    fn no_way_of_cutting_a_stream_lets_a_secret_through(
        before in "[a-z\"\\\\]{0,30}", secret in "[A-Z\"\\\\]{8,20}", after in "[a-z]{0,30}", cuts in prop::collection::vec(1_usize..9, 0..40),
    ) {
        let redactor = redactor(&[&secret]);
        let text = format!("{before}{secret}{after}{secret}");
        let mut stream = StreamRedactor::new(&redactor);
        let mut rest = text.as_bytes();
        let mut given = Vec::new();
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            given.extend(stream.feed(piece));
            rest = tail;
        }
        given.extend(stream.feed(rest));
        given.extend(stream.finish());
        let given = String::from_utf8(given).unwrap();
        prop_assert!(!given.contains(&secret), "{}", given);
        prop_assert!(!redactor.text(text).contains(&secret));
    }

    #[test]
    fn any_name_is_taken_or_refused_without_panic(name in ".*") {
        if check_name(&name).is_ok() {
            prop_assert!(!name.is_empty() && name.len() <= 128 && !name.contains(['=', '\0']));
        }
    }
}
