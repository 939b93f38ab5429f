//! Pictures: the formats that models take and that browsers show.
//!
//! Invariant: what a picture is, is proved by its bytes, never taken from somebody's word; none of the formats can hold a
//! script.

use serde::{Deserialize, Serialize};

/// Picture formats that models take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageType {
    /// `image/png`
    #[serde(rename = "image/png", alias = "png")]
    Png,
    /// `image/jpeg`
    #[serde(rename = "image/jpeg", alias = "jpeg")]
    Jpeg,
    /// `image/gif`
    #[serde(rename = "image/gif", alias = "gif")]
    Gif,
    /// `image/webp`
    #[serde(rename = "image/webp", alias = "webp")]
    Webp,
}

impl ImageType {
    /// What bytes are, by how they begin. `None` for whatever is no picture of these formats.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [
                0x89,
                b'P',
                b'N',
                b'G',
                b'\r',
                b'\n',
                0x1A,
                b'\n',
                _,
                _,
                _,
                _,
                b'I',
                b'H',
                b'D',
                b'R',
                ..,
            ] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                b'V',
                b'P',
                b'8',
                ..,
            ] => Some(Self::Webp),
            _ => None,
        }
    }

    /// The end of a file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// The media type as protocols write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_its_media_type_in_data_and_older_rows_are_read() {
        for image_type in [ImageType::Png, ImageType::Jpeg, ImageType::Gif, ImageType::Webp] {
            let written = serde_json::to_value(image_type).unwrap();
            assert_eq!(written, image_type.as_str());
            let older = image_type.as_str().replace("image/", "");
            for word in [image_type.as_str(), &older] {
                assert_eq!(serde_json::from_value::<ImageType>(word.into()).unwrap(), image_type);
            }
        }
    }
}
