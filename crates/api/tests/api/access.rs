//! Credentials as a client shows them, to a real server.

use codecourier_testkit::server::TestServer;
use reqwest::Method;

#[tokio::test]
async fn a_person_is_known_by_header_and_by_cookie() {
    let server = TestServer::start().await;
    let ada = server.person("ada").await;
    let by_header = server.get(&ada.token, "/whoami").await;
    assert_eq!(by_header.data()["userId"], ada.user.to_string(), "{}", by_header.text);
    assert_eq!(by_header.data()["operator"], true);
    let request = server.request(Method::GET, "/whoami");
    let by_cookie = server
        .send(request.header("cookie", format!("cc_session={}", ada.token)))
        .await;
    assert_eq!(by_cookie.data(), by_header.data());
}

#[tokio::test]
async fn the_description_is_served_to_programs_and_to_people() {
    let server = TestServer::start().await;
    let served = server.send(server.request(Method::GET, "/openapi.json")).await;
    assert_eq!(served.json()["openapi"], "3.1.0");
    let page = server.send(server.request(Method::GET, "/docs")).await;
    assert!(page.text.contains("/api/v1/whoami") && !page.text.contains("<script"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}
