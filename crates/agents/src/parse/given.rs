//! What a tool gave: its words, and its pictures with their bytes. Adapters make the event of it.
//!
//! Invariants: a picture is what its bytes prove, never what the agent says; at most [`MOST_PICTURES`] of a result and
//! [`LARGEST_PICTURE`] bytes of each; the event has their names alone, and the bytes leave beside it, with the line that
//! they came in. What is not kept is named among the words, with the reason.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use codecourier_domain::event::{Event, ToolImage};
use codecourier_domain::image::ImageType;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::bound;
use super::field::{take_text, text};

/// The most bytes of a picture that is kept.
pub const LARGEST_PICTURE: usize = 5 * 1024 * 1024;
/// The most pictures of one result that are kept.
pub const MOST_PICTURES: usize = 8;

/// What programs of every kind write: with or without the padding at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A picture that a tool gave, for whoever keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What the event says of it.
    pub image: ToolImage,
    /// What it is made of.
    pub bytes: Vec<u8>,
}

/// What a tool gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    words: Vec<String>,
    pictures: Vec<Picture>,
}

impl Given {
    /// Words alone.
    #[must_use]
    pub fn words(words: String) -> Self {
        Self {
            words: vec![words],
            pictures: Vec::new(),
        }
    }

    /// The content blocks that MCP and its relatives use.
    #[must_use]
    pub fn blocks(blocks: Vec<Value>) -> Self {
        let mut given = Self::default();
        for mut block in blocks {
            match text(&block, "type") {
                "text" | "inputText" => given.say(take_text(&mut block, "text")),
                "image" => given.show(text(&block, "mimeType"), text(&block, "data")),
                "inputImage" => given.show_address(text(&block, "imageUrl")),
                "audio" => given.leave_out("audio", text(&block, "mimeType"), text(&block, "data"), ""),
                "resource" if !resource(&block, "blob").is_empty() => {
                    given.show(resource(&block, "mimeType"), resource(&block, "blob"));
                }
                _ => given.say(block.to_string()),
            }
        }
        given
    }

    /// Adds words.
    pub fn say(&mut self, words: String) {
        self.words.push(words);
    }

    /// Has words from elsewhere, where there are none yet.
    pub fn say_if_wordless(&mut self, words: impl FnOnce() -> String) {
        if self.words.iter().all(String::is_empty) {
            self.words = vec![words()];
        }
    }

    /// Adds a picture: `claimed` is what the agent says that it is.
    pub fn show(&mut self, claimed: &str, base64: &str) {
        match self.proved(base64) {
            Ok(picture) => self.pictures.push(picture),
            Err(reason) => self.leave_out("image", claimed, base64, reason),
        }
    }

    /// Adds a picture that is in its address.
    pub fn show_address(&mut self, address: &str) {
        match address
            .strip_prefix("data:")
            .and_then(|data| data.split_once(";base64,"))
        {
            Some((claimed, base64)) => self.show(claimed, base64),
            None => self.say(format!("[image {}]", bound::end(address.to_owned(), bound::NAME))),
        }
    }

    /// Names something that is not kept.
    pub fn leave_out(&mut self, kind: &str, claimed: &str, base64: &str, reason: &str) {
        let claimed = bound::end(claimed.to_owned(), 64);
        let separator = if reason.is_empty() { "" } else { ": " };
        let length = base64.len();
        self.say(format!(
            "[{kind} {claimed}, {length} bytes of base64{separator}{reason}]"
        ));
    }

    /// The result of a call: the event, and what goes beside it.
    #[must_use]
    pub fn result(mut self, call: String, succeeded: bool, pictures: &mut Vec<Picture>) -> Event {
        let words = match self.words.as_mut_slice() {
            // Most results are one text, which may be long.
            [only] => std::mem::take(only),
            several => several.join("\n"),
        };
        let (output, truncated) = bound::middle(words, bound::OUTPUT);
        let images = self.pictures.iter().map(|picture| picture.image.clone()).collect();
        pictures.extend(self.pictures);
        Event::ToolResult {
            call,
            succeeded,
            output,
            truncated,
            images,
        }
    }

    fn proved(&self, base64: &str) -> Result<Picture, &'static str> {
        if self.pictures.len() == MOST_PICTURES {
            return Err("more pictures than are kept of one result");
        }
        if base64.len() > LARGEST_PICTURE.div_ceil(3) * 4 {
            return Err("larger than the 5 MB that are kept");
        }
        let none = "no PNG, JPEG, GIF or WebP picture";
        let bytes = LENIENT.decode(base64).map_err(|_| none)?;
        if bytes.len() > LARGEST_PICTURE {
            return Err("larger than the 5 MB that are kept");
        }
        let media_type = ImageType::of(&bytes).ok_or(none)?;
        Ok(Picture {
            image: ToolImage {
                image: hex::encode(Sha256::digest(&bytes)),
                media_type,
                size: bytes.len() as u64,
            },
            bytes,
        })
    }
}

/// A field of a block's resource.
fn resource<'a>(block: &'a Value, field: &str) -> &'a str {
    block.get("resource").map_or("", |resource| text(resource, field))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use serde_json::json;

    use super::*;

    fn picture(length: usize) -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.resize(length, 7);
        bytes
    }

    fn result(given: Given) -> (String, Vec<ToolImage>, Vec<Picture>) {
        let mut pictures = Vec::new();
        match given.result("1".to_owned(), true, &mut pictures) {
            Event::ToolResult { output, images, .. } => (output, images, pictures),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_picture_is_named_after_its_bytes_which_leave_beside_the_event() {
        let bytes = picture(10);
        let data = STANDARD.encode(&bytes);
        let blocks = vec![
            json!({"type": "text", "text": "before"}),
            json!({"type": "image", "mimeType": "image/svg+xml", "data": data}),
            json!({"type": "image", "mimeType": "image/gif", "data": STANDARD_NO_PAD.encode(&bytes)}),
            json!({"type": "resource", "resource": {"uri": "file:///a.gif", "mimeType": "image/gif", "blob": data}}),
            json!({"type": "inputImage", "imageUrl": format!("data:image/gif;base64,{data}")}),
            json!({"type": "text", "text": "after"}),
        ];
        let (output, images, pictures) = result(Given::blocks(blocks));
        assert_eq!(output, "before\nafter");
        let image = ToolImage {
            image: hex::encode(Sha256::digest(&bytes)),
            media_type: ImageType::Gif,
            size: 10,
        };
        assert_eq!(images, vec![image.clone(); 4]);
        assert_eq!(pictures, vec![Picture { image, bytes }; 4]);
    }

    #[test]
    fn what_is_no_picture_or_too_much_is_named_and_not_kept() {
        let mut given = Given::default();
        for data in ["", "%%%%", "PHN2Zz48L3N2Zz4="] {
            given.show("image/png", data);
        }
        given.show("image/gif", &STANDARD.encode(picture(LARGEST_PICTURE + 1)));
        given.show(&"x".repeat(100_000), "AAAA");
        given.show_address("https://example.org/picture.png");
        let largest = STANDARD.encode(picture(LARGEST_PICTURE));
        for _ in 0..=MOST_PICTURES {
            given.show("image/gif", &largest);
        }
        let (output, images, pictures) = result(given);
        assert_eq!((images.len(), pictures.len()), (MOST_PICTURES, MOST_PICTURES));
        let lines: Vec<&str> = output.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "[image image/png, 0 bytes of base64: no PNG, JPEG, GIF or WebP picture]",
                "[image image/png, 4 bytes of base64: no PNG, JPEG, GIF or WebP picture]",
                "[image image/png, 16 bytes of base64: no PNG, JPEG, GIF or WebP picture]",
                "[image image/gif, 6990508 bytes of base64: larger than the 5 MB that are kept]",
            ]
        );
        assert!(lines[4].len() < 200, "{}", lines[4]);
        assert_eq!(lines[5], "[image https://example.org/picture.png]");
        assert!(
            lines[6].ends_with("more pictures than are kept of one result]"),
            "{}",
            lines[6]
        );
        assert_eq!(lines.len(), 7);
    }

    #[test]
    fn what_is_heard_is_named() {
        let sound = json!({"type": "audio", "mimeType": "audio/wav", "data": "AAAA"});
        let (output, ..) = result(Given::blocks(vec![sound]));
        assert_eq!(output, "[audio audio/wav, 4 bytes of base64]");
    }
}
