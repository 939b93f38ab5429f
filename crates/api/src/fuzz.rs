//! Entry points for fuzzing: what reads the parts of a request that are no JSON body of an operation.
//!
//! Called by the repository's fuzz targets and by nobody else. Each gives an error that says which promise is broken.

use axum::http::HeaderValue;

use crate::conventions::{page, revision};
use crate::live;

/// The `cursor` of a list: what is taken is what this very list gives for the same place.
///
/// # Errors
/// When a cursor passes that the list never gave.
pub fn check_cursor(input: &[u8]) -> Result<(), String> {
    page::check_cursor(&String::from_utf8_lossy(input))
}

/// `If-Match`: what is taken is a number that an `ETag` of ours has.
///
/// # Errors
/// When something else is taken.
pub fn check_if_match(input: &[u8]) -> Result<(), String> {
    match HeaderValue::from_bytes(input) {
        Ok(value) => revision::check_if_match(value),
        Err(_) => Ok(()),
    }
}

/// A message of the live socket: read, and what it asks for is found out or refused with a field.
///
/// # Errors
/// When a subscription is accepted whose name is longer than any may be.
pub fn check_live_message(input: &[u8]) -> Result<(), String> {
    live::check_message(&String::from_utf8_lossy(input))
}
