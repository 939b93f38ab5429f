//! Connect's error codes, their HTTP statuses, and the two JSON shapes that carry an error.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $status:literal;)+) => {
        /// A Connect error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status of a unary call that failed with this code.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }

        impl FromStr for Code {
            type Err = UnknownCode;

            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(UnknownCode) }
            }
        }
    };
}

codes! {
    /// The caller gave up.
    Canceled, "canceled", 499;
    /// Nothing better is known.
    Unknown, "unknown", 500;
    /// The request is wrong whatever the state is.
    InvalidArgument, "invalid_argument", 400;
    /// The time given ran out.
    DeadlineExceeded, "deadline_exceeded", 504;
    /// What was named is not there.
    NotFound, "not_found", 404;
    /// What was to be made is there.
    AlreadyExists, "already_exists", 409;
    /// The caller may not do that.
    PermissionDenied, "permission_denied", 403;
    /// A limit is reached.
    ResourceExhausted, "resource_exhausted", 429;
    /// The state forbids it now.
    FailedPrecondition, "failed_precondition", 400;
    /// A concurrent change won.
    Aborted, "aborted", 409;
    /// A position past the end.
    OutOfRange, "out_of_range", 400;
    /// No such method.
    Unimplemented, "unimplemented", 501;
    /// An invariant broke.
    Internal, "internal", 500;
    /// Try again later.
    Unavailable, "unavailable", 503;
    /// Data is gone.
    DataLoss, "data_loss", 500;
    /// The caller did not prove who they are.
    Unauthenticated, "unauthenticated", 401;
}

/// The text is no Connect error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown error code")]
pub struct UnknownCode;

impl Code {
    /// The code a client should assume for an HTTP status whose body names none.
    #[must_use]
    pub const fn from_http_status(status: u16) -> Self {
        match status {
            400 => Self::InvalidArgument,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            409 => Self::AlreadyExists,
            429 => Self::ResourceExhausted,
            499 => Self::Canceled,
            500 => Self::Internal,
            501 => Self::Unimplemented,
            502 | 503 => Self::Unavailable,
            504 => Self::DeadlineExceeded,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    /// An unknown name reads as [`Code::Unknown`]: a newer peer must not turn an error into another error.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or(Self::Unknown))
    }
}

/// `{"code","message"}`: the body of a failed unary call, and `error` of an end-of-stream frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ConnectError {
    /// What kind of failure.
    pub code: Code,
    /// Text for people.
    #[serde(default, deserialize_with = "crate::json::nullable")]
    pub message: String,
}

impl ConnectError {
    /// An error with this code and text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// The payload of the last frame of every stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndStream {
    /// Why the stream ended early; absent when it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ConnectError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_its_name() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(
                serde_json::from_str::<Code>(&serde_json::to_string(code).unwrap()).unwrap(),
                *code
            );
        }
        assert_eq!(Code::ALL.len(), 16);
    }

    #[test]
    fn statuses_are_those_of_the_connect_protocol() {
        let table = [
            ("canceled", 499),
            ("invalid_argument", 400),
            ("deadline_exceeded", 504),
            ("not_found", 404),
            ("already_exists", 409),
            ("resource_exhausted", 429),
            ("failed_precondition", 400),
            ("unimplemented", 501),
            ("internal", 500),
            ("unavailable", 503),
            ("unauthenticated", 401),
        ];
        for (name, status) in table {
            assert_eq!(name.parse::<Code>().unwrap().http_status(), status, "{name}");
        }
    }

    #[test]
    fn an_error_of_the_future_is_still_an_error() {
        let error: ConnectError = serde_json::from_str(r#"{"code":"made_up","details":[1]}"#).unwrap();
        assert_eq!(error, ConnectError::new(Code::Unknown, ""));
    }
}
