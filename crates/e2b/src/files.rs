//! The plain HTTP routes of the daemon: their JSON answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json;

/// `GET` reads, `POST` writes file contents.
pub const ROUTE_FILES: &str = "/files";
/// `GET`: 204 while alive.
pub const ROUTE_HEALTH: &str = "/health";
/// `GET`: [`Metrics`].
pub const ROUTE_METRICS: &str = "/metrics";
/// `GET`: the sandbox's variables.
pub const ROUTE_ENVS: &str = "/envs";
/// Prefix of request headers that are stored with an upload.
pub const HEADER_METADATA_PREFIX: &str = "x-metadata-";

/// One element of the answer of `POST /files`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedFile {
    /// Where it is now.
    pub path: String,
    /// Last part of the path.
    pub name: String,
    /// Always `file`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was stored with it.
    #[serde(
        default,
        deserialize_with = "json::nullable",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: BTreeMap<String, String>,
}

/// The error body of every plain route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpError {
    /// The HTTP status again; clients look here.
    pub code: u16,
    /// Text for people.
    pub message: String,
}

/// What the sandbox uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Unix seconds.
    pub ts: i64,
    /// Processors.
    pub cpu_count: u32,
    /// Percent of one processor, since the last question.
    pub cpu_used_pct: f64,
    /// Bytes.
    pub mem_total: u64,
    /// Bytes.
    pub mem_used: u64,
    /// Bytes.
    pub mem_cache: u64,
    /// Mebibytes.
    pub mem_total_mib: u64,
    /// Mebibytes.
    pub mem_used_mib: u64,
    /// Bytes.
    pub disk_used: u64,
    /// Bytes.
    pub disk_total: u64,
}
