//! The files in a sandbox, as an agent leaves them there at the moment.
//!
//! Invariant: no browser takes a file for anything but data. It comes as plain text or as bytes, never as what its name
//! says; as a download; without a guess at its type; and with a policy under which nothing in it is loaded or run.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::Engine;
use codecourier_engine::sandboxes::{DirectoryEntry, FileContent, FileExtent, FileKind, FileNature, LinkTarget};
use codecourier_wire::envelope::List;
use codecourier_wire::error::ErrorBody;
use codecourier_wire::page::PageParams;
use codecourier_wire::sandboxes::{DirectoryQuery, FileQuery, SandboxFile, SandboxFileType, SandboxLink, SandboxPath};
use codecourier_wire::time::Time;

use super::MayRead;
use crate::conventions::answer::Answer;
use crate::conventions::error::ApiError;
use crate::conventions::page::Page;
use crate::conventions::path::Path;
use crate::conventions::query::Query;

/// How much of a file is given when nobody says.
const USUAL_LIMIT: u64 = 256 << 10;
/// No page may come of it, in whatever way it is opened.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// How long the whole file is, in bytes.
const SIZE: HeaderName = HeaderName::from_static("codecourier-file-size");
/// When it was last written to.
const MODIFIED: HeaderName = HeaderName::from_static("codecourier-file-modified");
/// `whole`, or `beginning`.
const EXTENT: HeaderName = HeaderName::from_static("codecourier-file-extent");

/// List a directory of the repository in a sandbox, directories first, each group by name.
///
/// The sandbox must run: nothing answers in one that is paused. Links are shown, and followed only within the repository.
#[utoipa::path(get, path = "/projects/{slug}/sandboxes/{sandbox}/files", operation_id = "sandboxes.listFiles",
    tag = "sandboxes", params(SandboxPath, DirectoryQuery, PageParams), responses(
    (status = 200, description = "A page of the directory.", body = List<SandboxFile>),
    (status = 409, description = "`CONFLICT`: the sandbox is paused, or has no repository yet.", body = ErrorBody)))]
pub(super) async fn list_files(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<SandboxPath>,
    page: Page<DirectoryQuery>,
) -> Answer<List<SandboxFile>> {
    let directory = page.filter.path.as_str();
    let sandboxes = engine.sandboxes();
    let (found, next) = sandboxes
        .list_files(&project, path.sandbox, directory, page.after()?, page.limit)
        .await?;
    Ok(axum::Json(page.list(found.into_iter().map(file).collect(), next)))
}

/// Read the beginning of a file of the repository in a sandbox.
///
/// As plain text if it is UTF-8, else as bytes. The values of the project's secrets are taken out of it. The headers
/// `Codecourier-File-Size` (bytes of the whole file), `Codecourier-File-Modified` and `Codecourier-File-Extent` (`whole` or
/// `beginning`) describe it.
#[utoipa::path(get, path = "/projects/{slug}/sandboxes/{sandbox}/files/content", operation_id = "sandboxes.readFile",
    tag = "sandboxes", params(SandboxPath, FileQuery), responses(
    (status = 200, description = "The beginning of the file.",
        content((String = "text/plain"), (Vec<u8> = "application/octet-stream")),
        headers(
            ("Codecourier-File-Size" = u64, description = "How long the whole file is, in bytes."),
            ("Codecourier-File-Modified" = String, description = "When it was last written to."),
            ("Codecourier-File-Extent" = String, description = "`whole`, or `beginning` where the file is longer."))),
    (status = 409, description = "`CONFLICT`: the sandbox is paused, or has no repository yet.", body = ErrorBody)))]
pub(super) async fn read_file(
    project: MayRead,
    State(engine): State<Engine>,
    Path(path): Path<SandboxPath>,
    Query(query): Query<FileQuery>,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(USUAL_LIMIT);
    let sandboxes = engine.sandboxes();
    let content = sandboxes.read_file(&project, path.sandbox, &query.path, limit).await?;
    Ok((headers(&query.path, &content), content.bytes).into_response())
}

fn headers(path: &str, content: &FileContent) -> HeaderMap {
    let kind = match content.nature {
        FileNature::Text => "text/plain; charset=utf-8",
        FileNature::Binary => "application/octet-stream",
    };
    let extent = match content.extent {
        FileExtent::Whole => "whole",
        FileExtent::Beginning => "beginning",
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(SIZE, HeaderValue::from(content.size));
    headers.insert(EXTENT, HeaderValue::from_static(extent));
    let at = serde_json::to_value(Time::from(content.modified_at)).unwrap_or_default();
    if let Ok(at) = HeaderValue::try_from(at.as_str().unwrap_or_default()) {
        headers.insert(MODIFIED, at);
    }
    let disposition = HeaderValue::try_from(disposition(path));
    headers.insert(
        header::CONTENT_DISPOSITION,
        disposition.unwrap_or(HeaderValue::from_static("attachment")),
    );
    headers
}

/// A download under the file's name, of which every byte that could mean something in a header is escaped.
fn disposition(path: &str) -> String {
    use std::fmt::Write as _;
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mut value = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

fn file(entry: DirectoryEntry) -> SandboxFile {
    SandboxFile {
        name: entry.name,
        kind: kind(entry.kind),
        size: entry.size,
        modified_at: entry.modified_at.into(),
        link: entry.link.map(|LinkTarget { target, leads_to }| SandboxLink {
            target,
            leads_to: leads_to.map(kind),
        }),
    }
}

const fn kind(kind: FileKind) -> SandboxFileType {
    match kind {
        FileKind::File => SandboxFileType::File,
        FileKind::Directory => SandboxFileType::Directory,
        FileKind::Link => SandboxFileType::Link,
        FileKind::Other => SandboxFileType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_out_of_its_header() {
        for (path, expected) in [
            ("src/main.rs", "attachment; filename*=UTF-8''main.rs"),
            (
                "a\r\nX: \"y\"; ü.html",
                "attachment; filename*=UTF-8''a%0D%0AX%3A%20%22y%22%3B%20%C3%BC.html",
            ),
        ] {
            assert_eq!(disposition(path), expected);
            assert!(HeaderValue::try_from(disposition(path)).is_ok());
        }
    }
}
