//! proto3-JSON leniency as serde helpers: `null` is the default, numbers may be strings, bytes are base64.
//!
//! Writers emit one canonical form: lowerCamelCase names, 64-bit integers as strings, standard padded base64.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serializer};

const PADDING_OPTIONAL: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING_OPTIONAL);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING_OPTIONAL);

/// `null` reads as the default.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Whether a field may be left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An integer that may arrive as a number, an integral float, a string, or null.
pub(crate) fn integer<'de, D: Deserializer<'de>, T: Integer>(deserializer: D) -> Result<T, D::Error> {
    Ok(optional_integer(deserializer)?.unwrap_or_default())
}

/// As [`integer`], with `null` kept apart.
pub(crate) fn optional_integer<'de, D: Deserializer<'de>, T: Integer>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(IntegerVisitor(PhantomData))
}

/// What [`integer`] can read.
pub(crate) trait Integer: Default + FromStr + TryFrom<i64> + TryFrom<u64> {}
impl<T: Default + FromStr + TryFrom<i64> + TryFrom<u64>> Integer for T {}

struct IntegerVisitor<T>(PhantomData<T>);

impl<T: Integer> Visitor<'_> for IntegerVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an integer, as a number or a string")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
        T::try_from(value)
            .map(Some)
            .map_err(|_| E::custom("integer out of range"))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        T::try_from(value)
            .map(Some)
            .map_err(|_| E::custom("integer out of range"))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // 2^53: beyond it a float no longer names one integer.
        if value.fract() != 0.0 || value.abs() > 9_007_199_254_740_992.0 {
            return Err(E::custom("not an integer"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "integral and within 2^53, checked above")]
        self.visit_i64(value as i64)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        value.parse().map(Some).map_err(|_| E::custom("not an integer"))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A 64-bit integer written as a string.
pub(crate) fn integer_as_text<S: Serializer, T: fmt::Display>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Base64 text, standard or URL-safe, padded or not.
pub(crate) fn decode_base64(text: &str) -> Result<Bytes, base64::DecodeError> {
    let engine = if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    engine.decode(text).map(Bytes::from)
}

/// Bytes as base64 (`#[serde(with = "json::base64_bytes")]`).
pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use serde::de::Error as _;

    use super::{Bytes, Deserialize, Deserializer, STANDARD, Serializer, decode_base64};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.map_or_else(
            || Ok(Bytes::new()),
            |text| decode_base64(&text).map_err(D::Error::custom),
        )
    }
}

/// As [`base64_bytes`] for a member of a oneof, where absent and empty differ.
pub(crate) mod optional_base64_bytes {
    use base64::Engine as _;
    use serde::de::Error as _;

    use super::{Bytes, Deserialize, Deserializer, STANDARD, Serializer, decode_base64};

    pub(crate) fn serialize<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
        let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.map(|text| decode_base64(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// An enum value that arrives as its name or its number.
pub(crate) enum NameOrNumber {
    /// The name.
    Name(String),
    /// The number.
    Number(i32),
}

impl<'de> Deserialize<'de> for NameOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumberVisitor;
        impl Visitor<'_> for NameOrNumberVisitor {
            type Value = NameOrNumber;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an enum value, as its name or its number")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<NameOrNumber, E> {
                Ok(NameOrNumber::Name(value.to_owned()))
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<NameOrNumber, E> {
                i32::try_from(value)
                    .map(NameOrNumber::Number)
                    .map_err(|_| E::custom("enum number out of range"))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<NameOrNumber, E> {
                i32::try_from(value)
                    .map(NameOrNumber::Number)
                    .map_err(|_| E::custom("enum number out of range"))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<NameOrNumber, E> {
                Ok(NameOrNumber::Number(0))
            }
        }
        deserializer.deserialize_any(NameOrNumberVisitor)
    }
}

/// A required oneof of which no known member was present.
pub(crate) fn missing_oneof<E: serde::de::Error>(what: &str) -> E {
    E::custom(format_args!("{what} is required"))
}

/// Kept so that helpers report through one path.
pub(crate) fn custom<E: serde::de::Error>(message: &str) -> E {
    E::custom(message)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "integer", serialize_with = "integer_as_text")]
        size: i64,
        #[serde(default, with = "base64_bytes")]
        body: Bytes,
    }

    #[test]
    fn numbers_arrive_in_every_allowed_form() {
        for text in [r#"{"size":"-5"}"#, r#"{"size":-5}"#, r#"{"size":-5.0}"#] {
            assert_eq!(serde_json::from_str::<Sample>(text).unwrap().size, -5, "{text}");
        }
        assert_eq!(serde_json::from_str::<Sample>(r#"{"size":null}"#).unwrap().size, 0);
        for text in [
            r#"{"size":"x"}"#,
            r#"{"size":1.5}"#,
            r#"{"size":1e300}"#,
            r#"{"size":18446744073709551615}"#,
        ] {
            assert!(serde_json::from_str::<Sample>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_arrive_in_every_base64_dialect() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            let sample: Sample = serde_json::from_str(&format!(r#"{{"body":"{text}"}}"#)).unwrap();
            assert_eq!(sample.body.as_ref(), [0xfb, 0xff], "{text}");
        }
        assert!(serde_json::from_str::<Sample>(r#"{"body":"***"}"#).is_err());
        assert_eq!(
            serde_json::to_string(&Sample {
                size: 7,
                body: Bytes::from_static(&[0xfb, 0xff])
            })
            .unwrap(),
            r#"{"size":"7","body":"+/8="}"#
        );
    }
}
