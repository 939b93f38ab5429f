//! Looking for canaries: in whatever form somebody may have written them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::fields::Canary;

/// What is looked for. A secret may have several texts: five provider keys, two sessions.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    texts: BTreeMap<Canary, Vec<String>>,
}

impl Canaries {
    /// Remembers a text that stands somewhere now.
    pub(super) fn plant(&mut self, secret: Canary, text: &str) {
        assert!(text.len() >= 12, "too short to be told from chance: {secret:?}");
        let texts = self.texts.entry(secret).or_default();
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }

    /// The secrets that were planted.
    pub(super) fn planted(&self) -> BTreeSet<Canary> {
        self.texts.keys().copied().collect()
    }

    /// The texts of a secret.
    pub(super) fn texts(&self, secret: Canary) -> &[String] {
        self.texts.get(&secret).map_or(&[], Vec::as_slice)
    }

    /// Which secrets are in some bytes, but for those that may be there, and in which form.
    pub(super) fn found_in(&self, bytes: &[u8], but_for: &[Canary]) -> Vec<String> {
        let bytes = String::from_utf8_lossy(bytes);
        let mut found = Vec::new();
        for (secret, texts) in self.texts.iter().filter(|(secret, _)| !but_for.contains(secret)) {
            for (form, text) in texts.iter().flat_map(|text| forms(text)) {
                if let Some(at) = bytes.find(&text) {
                    let around: String = bytes[..at].chars().rev().take(160).collect();
                    let around: String = around.chars().rev().collect();
                    found.push(format!("{secret:?} as {form} after {around:?}"));
                }
            }
        }
        found
    }
}

/// A text in every form in which it would be the same secret to whoever reads it.
fn forms(text: &str) -> Vec<(&'static str, String)> {
    let bytes = text.as_bytes();
    let mut hex = String::new();
    let mut url = String::new();
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(*byte)),
            _ => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
    let quoted = serde_json::to_string(text).unwrap();
    let mut forms = vec![
        ("it is", text.to_owned()),
        ("JSON", quoted.trim_matches('"').to_owned()),
        ("hex", hex.to_uppercase()),
        ("hex", hex),
        ("part of a URL", url),
    ];
    // In base64 it looks different by where it begins in the text that was encoded; what neighbours touch is left out.
    for offset in 0..3_usize {
        let shifted = [vec![0; offset], bytes.to_vec()].concat();
        let kept = |encoded: String| {
            let begin = (offset * 8).div_ceil(6);
            let end = shifted.len() * 8 / 6;
            encoded[begin..end].to_owned()
        };
        forms.push(("base64", kept(STANDARD_NO_PAD.encode(&shifted))));
        forms.push(("base64 for URLs", kept(URL_SAFE_NO_PAD.encode(&shifted))));
    }
    forms
}

#[test]
fn a_canary_is_found_in_every_form() {
    let mut canaries = Canaries::default();
    canaries.plant(Canary::Password, "canary \"pass\"/word+");
    let is_found = |bytes: &[u8]| !canaries.found_in(bytes, &[]).is_empty();
    for text in [
        "x canary \"pass\"/word+ y".to_owned(),
        r#"{"a":"canary \"pass\"/word+"}"#.to_owned(),
        "?a=canary%20%22pass%22%2Fword%2B&b".to_owned(),
        STANDARD_NO_PAD.encode("a:canary \"pass\"/word+"),
        URL_SAFE_NO_PAD.encode("canary \"pass\"/word+ and so on"),
        base64::engine::general_purpose::STANDARD.encode("\0user\0canary \"pass\"/word+"),
        "63616e6172792022706173732 22f776f72642b".replace(' ', ""),
    ] {
        assert!(is_found(text.as_bytes()), "{text}");
    }
    assert!(!is_found(b"canary pass word"));
    assert!(
        canaries
            .found_in(b"canary \"pass\"/word+", &[Canary::Password])
            .is_empty()
    );
}
