//! The user interface: the files that `cargo xtask web` has made, served as they are.
//!
//! Mounted as what is answered where there is no route. Invariants: nothing but the files of the build is ever served;
//! what is under `/api/` is never answered with a page; a file whose name holds a digest of its content is kept by
//! browsers for ever, everything else is asked for anew; no script runs that is not a file of the build.

mod encoding;
mod files;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::ErrorCode;

use self::encoding::Encoding;
use self::files::{Built, File, Files};
use crate::conventions::error::ApiError;
use crate::conventions::fallback::not_found;

/// What a page of ours may load: itself, and nothing from anywhere else. Styles inside the page are what lists and
/// terminals place their rows with; scripts inside it are not allowed.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";
/// For files whose name changes with their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For those whose name stays.
const ASK_ANEW: &str = "no-cache";
const INDEX: &str = "index.html";

/// Answers what no route does.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match answer(&Built, &method, uri.path(), &headers) {
        Some(response) => response,
        None => not_found().await.into_response(),
    }
}

/// The answer with a file of the interface; `None` where there is none.
fn answer(files: &impl Files, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    if path == "/api" || path.starts_with("/api/") || path.starts_with("/gateway/") {
        return None;
    }
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    let name = path.strip_prefix('/')?;
    let is_page = !last_part(name).contains('.') && wants_page(headers);
    let name = if name.is_empty() || is_page { INDEX } else { name };
    let Some(plain) = files.get(name) else {
        // Without its first file there is no interface at all: somebody built the server alone.
        return (name == INDEX).then(not_built);
    };
    let wanted = Encoding::preferred(headers);
    let (encoding, file) = wanted
        .and_then(|encoding| Some((Some(encoding), files.get(&format!("{name}{}", encoding.suffix()))?)))
        .unwrap_or((None, plain));
    Some(respond(name, encoding, file, headers))
}

fn respond(name: &str, encoding: Option<Encoding>, file: File, asked: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let tag = format!("\"{}\"", file.digest);
    if let Ok(tag) = HeaderValue::try_from(&tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let kept = if name.starts_with("assets/") {
        FOR_EVER
    } else {
        ASK_ANEW
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let known = asked.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','));
    if known.any(|known| known.trim().trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
    }
    (headers, file.bytes).into_response()
}

fn not_built() -> Response {
    let message = "This server was built without its user interface. The API is at `/api/v1/docs`. `cargo xtask web` \
                   builds the interface.";
    ApiError::new(ErrorCode::NotFound, message).into_response()
}

/// Whether it is a person's browser that opens an address, not a program that asks for data.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

fn last_part(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
