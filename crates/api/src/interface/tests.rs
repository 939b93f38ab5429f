//! What browsers and programs are given for an address that is no route.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use bytes::Bytes;

use super::*;

struct Fake(BTreeMap<&'static str, &'static str>);

impl Files for Fake {
    fn get(&self, name: &str) -> Option<File> {
        self.0.get(name).map(|text| File {
            bytes: Bytes::from_static(text.as_bytes()),
            digest: text.len().to_string(),
        })
    }
}

fn built() -> Fake {
    Fake(BTreeMap::from([
        ("index.html", "<page>"),
        ("theme.js", "theme"),
        ("assets/index-abc.js", "plain script"),
        ("assets/index-abc.js.br", "brotli"),
        ("assets/index-abc.js.gz", "gzipped"),
    ]))
}

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn ask(files: &Fake, method: &Method, path: &str, headers: &[(&'static str, &str)]) -> Option<Response> {
    let headers = headers.iter().map(|(name, value)| {
        let name = header::HeaderName::from_static(name);
        (name, HeaderValue::from_str(value).unwrap())
    });
    answer(files, method, path, &headers.collect())
}

fn get(path: &str, headers: &[(&'static str, &str)]) -> Option<Response> {
    ask(&built(), &Method::GET, path, headers)
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1024).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn shown(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_browser_gets_the_page_at_every_address_of_the_interface() {
    for path in [
        "/",
        "/sign-in",
        "/p/shop/runs/run_019300000000700080000000deadbeef",
        "/index.html",
    ] {
        let response = get(path, &[BROWSER]).unwrap();
        assert_eq!(shown(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert_eq!(shown(&response, header::CACHE_CONTROL), "no-cache");
        let policy = shown(&response, header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains("script-src 'self';") && !policy.contains("unsafe-eval"),
            "{policy}"
        );
        assert_eq!(text(response).await, "<page>", "{path}");
    }
}

#[test]
fn what_is_no_page_is_not_answered_with_one() {
    for path in [
        "/api",
        "/api/v1/nothing",
        "/api/v1/projects/x",
        "/gateway/anthropic/v1/messages",
    ] {
        assert!(get(path, &[BROWSER]).is_none(), "{path}");
    }
    // A program that asks for data, a file that is not there, another method.
    assert!(get("/p/shop/runs", &[("accept", "application/json")]).is_none());
    assert!(get("/p/shop/runs", &[]).is_none());
    assert!(get("/assets/old-123.js", &[BROWSER]).is_none());
    assert!(get("/.env", &[BROWSER]).is_none());
    assert!(ask(&built(), &Method::POST, "/", &[BROWSER]).is_none());
}

#[tokio::test]
async fn files_come_in_the_smallest_form_that_the_client_takes() {
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", "br", "brotli"),
        ("gzip;q=1.0, br;q=0", "gzip", "gzipped"),
        ("GZIP", "gzip", "gzipped"),
        ("identity", "", "plain script"),
        ("brotli", "", "plain script"),
    ] {
        let response = get("/assets/index-abc.js", &[("accept-encoding", accepted)]).unwrap();
        assert_eq!(shown(&response, header::CONTENT_ENCODING), encoding, "{accepted}");
        assert_eq!(shown(&response, header::VARY), "accept-encoding");
        assert_eq!(shown(&response, header::CACHE_CONTROL), FOR_EVER);
        assert_eq!(shown(&response, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
        assert_eq!(text(response).await, content);
    }
    // What has no other form is given as it is.
    let response = get("/theme.js", &[("accept-encoding", "br")]).unwrap();
    assert_eq!(shown(&response, header::CONTENT_ENCODING), "");
}

#[test]
fn what_a_browser_has_is_not_sent_again() {
    let first = get("/theme.js", &[]).unwrap();
    let tag = shown(&first, header::ETAG).to_owned();
    let again = get("/theme.js", &[("if-none-match", &format!("\"other\", W/{tag}"))]).unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(shown(&again, header::ETAG), tag);
    let changed = get("/theme.js", &[("if-none-match", "\"other\"")]).unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
}

#[test]
fn a_server_without_its_interface_has_no_page() {
    for path in ["/", "/sign-in"] {
        let response = ask(&Fake(BTreeMap::new()), &Method::GET, path, &[BROWSER]).unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}

#[test]
fn no_name_leads_out_of_the_build() {
    for name in [
        "../Cargo.toml",
        "assets/../../Cargo.toml",
        "/etc/passwd",
        "..%2fCargo.toml",
        "assets/\0",
    ] {
        assert!(Built.get(name).is_none(), "{name}");
    }
}
