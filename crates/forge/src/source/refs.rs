//! Asking a source for its `HEAD`, and telling the reasons apart for which a remote cannot be used.

use std::path::Path;
use std::time::Duration;

use crate::commit::CommitId;
use crate::error::Error;
use crate::source::{Head, Source};
use crate::spawn::{Finished, GitCommand};

/// What a source says of its `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteHead {
    pub(crate) head: Head,
    /// The commit; absent when the source has none, or its `HEAD` names a branch that is not there.
    pub(crate) commit: Option<CommitId>,
}

/// Asks. `command` is prepared for the source's transport, `address` is its path or URL.
pub(crate) async fn remote_head(command: GitCommand, address: &Path, source: &Source) -> Result<RemoteHead, Error> {
    let finished = command
        .args(["ls-remote", "--quiet", "--symref", "--end-of-options"])
        .arg(address)
        .arg("HEAD")
        .time_limit(Duration::from_secs(90))
        .finish()
        .await?;
    if !finished.status.success() {
        return Err(classify_remote_failure(finished, source));
    }
    let text = String::from_utf8_lossy(&finished.output);
    let mut answer = RemoteHead {
        head: Head::Unknown,
        commit: None,
    };
    for (value, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        if name != "HEAD" {
            continue;
        }
        if let Some(target) = value.strip_prefix("ref: ") {
            let branch = target.strip_prefix("refs/heads/").and_then(|name| name.parse().ok());
            answer.head = branch.map_or(Head::Unknown, Head::Branch);
        } else if let Ok(commit) = value.parse::<CommitId>() {
            answer.commit = Some(commit);
        }
    }
    if let (Head::Unknown, Some(commit)) = (&answer.head, &answer.commit) {
        answer.head = Head::Detached(commit.clone());
    }
    Ok(answer)
}

/// The typed error for what Git said when it could not read from a source. Git has no codes for these; its messages are
/// asked for in English, and the phrases below are those of Git, curl, OpenSSH and the large hosts.
pub(crate) fn classify_remote_failure(finished: Finished, source: &Source) -> Error {
    const SHALLOW: [&str; 2] = [
        "shallow update not allowed",
        "attempt to fetch/clone from a shallow repository",
    ];
    const CORRUPT: [&str; 4] = [
        "fsck error",
        "index-pack failed",
        "bad pack header",
        "missing blob object",
    ];
    const NOT_FOUND: [&str; 6] = [
        "does not appear to be a git repository",
        "Repository not found",
        "repository not found",
        "returned error: 404",
        "returned error: 410",
        "' not found",
    ];
    const AUTHENTICATION: [&str; 8] = [
        "could not read Username",
        "could not read Password",
        "Authentication failed",
        "Permission denied",
        "access denied",
        "Access denied",
        "returned error: 401",
        "returned error: 403",
    ];
    const UNREACHABLE: [&str; 14] = [
        "unable to access",
        "Could not resolve",
        "Failed to connect",
        "Connection refused",
        "Connection reset",
        "Connection closed",
        "Connection timed out",
        "Operation timed out",
        "Network is unreachable",
        "No route to host",
        "Host key verification failed",
        "remote end hung up",
        "early EOF",
        "Could not read from remote repository",
    ];
    let detail = finished.detail.clone();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| detail.contains(phrase));
    let source_name = source.to_string();
    if says(&SHALLOW) {
        return Error::SourceShallow { source_name };
    }
    if says(&CORRUPT) {
        return Error::SourceCorrupt { source_name, detail };
    }
    let Source::Url(url) = source else {
        return finished.failed();
    };
    let url = url.to_string();
    if says(&NOT_FOUND) {
        Error::SourceNotFound { url, detail }
    } else if says(&AUTHENTICATION) {
        Error::SourceNeedsAuthentication { url, detail }
    } else if says(&UNREACHABLE) {
        Error::SourceUnreachable { url, detail }
    } else {
        finished.failed()
    }
}
