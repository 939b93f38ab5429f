//! `codecourier serve`, as a real process: ready, asked, stopped, and started badly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::spawn::{self, Running, codecourier};

/// A server in a data directory, on a port of its own.
pub(crate) struct Server {
    pub(crate) process: Running,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_with(data, more, &[])
    }

    pub(crate) fn start_with(data: &Path, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend_from_slice(more);
        let mut process = spawn::start_with(data, &arguments, environment);
        let ready = process.until(|line| line["type"] == "ready");
        let address = ready["listening"].as_str().unwrap().to_owned();
        Self { process, address }
    }

    fn get(&self, path: &str, headers: &str) -> String {
        let stream = TcpStream::connect(&self.address).unwrap();
        get_over(stream, path, headers).unwrap()
    }
}

fn get_over(mut stream: impl std::io::Read + std::io::Write, path: &str, headers: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_server_says_that_it_lives_and_is_ready_and_what_it_does() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data, &[]);
    for (path, word) in [("/health", r#"{"status":"ok"}"#), ("/ready", r#"{"status":"ready"}"#)] {
        let answer = server.get(path, "");
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(word),
            "{answer}"
        );
    }
    let metrics = server.get("/metrics", "");
    for line in [
        "codecourier_build_info{version=",
        r#"codecourier_http_requests_total{method="GET",route="/ready",status="200"} 1"#,
        r#"codecourier_http_request_seconds_bucket{method="GET",route="/health",le="#,
        r#"codecourier_runs{status="running"} 0"#,
        r#"codecourier_tasks{status="ready"} 0"#,
        "codecourier_sandboxes 0",
        "codecourier_store_commit_seconds_count",
    ] {
        assert!(metrics.contains(line), "`{line}` is missing in: {metrics}");
    }
    // Whatever a client writes, no label has it.
    for path in ["/api/v1/projects/hunter2", "/hunter2", "/api/v1/live?token=hunter2"] {
        server.get(
            path,
            "X-Request-ID: hunter2\r\nAuthorization: Bearer ccs_hunter2\r\nUser-Agent: hunter2\r\n",
        );
    }
    let metrics = server.get("/metrics", "");
    assert!(!metrics.contains("hunter2"), "{metrics}");
    for line in [
        "codecourier_live_subscriptions 0",
        "codecourier_live_log_reads_total 0",
        "codecourier_store_connections{state=\"busy\"}",
    ] {
        assert!(metrics.contains(line), "`{line}` is missing in: {metrics}");
    }
    for line in metrics.lines().filter(|line| line.starts_with("codecourier_")) {
        let described = line.split(['{', ' ']).next().unwrap();
        let described = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| described.strip_suffix(end))
            .unwrap_or(described);
        assert!(
            metrics.contains(&format!("# HELP {described} ")),
            "`{described}` is not described"
        );
    }
    assert!(
        server
            .get("/metrics", "X-Forwarded-For: 192.0.2.1\r\n")
            .starts_with("HTTP/1.1 401")
    );
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(), Some(0));
}

#[test]
fn metrics_ask_for_their_token() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("token"), "m3trics\n").unwrap();
    let configuration = "[server]\nmetrics_token_file = \"token\"\n";
    std::fs::write(place.path().join("config.toml"), configuration).unwrap();
    let server = Server::start(place.path(), &[]);
    assert!(server.get("/metrics", "").starts_with("HTTP/1.1 401"));
    assert!(
        server
            .get("/metrics", "Authorization: Bearer m3trics\r\n")
            .starts_with("HTTP/1.1 200")
    );
}

#[test]
fn an_address_may_ask_as_often_as_the_configuration_says() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &["--set", "limits.anonymous_requests_per_minute=1"]);
    assert!(server.get("/api/v1/server", "").starts_with("HTTP/1.1 200"));
    let refused = server.get("/api/v1/server", "");
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    for part in ["ratelimit-limit: 1", "retry-after: ", "RATE_LIMITED"] {
        assert!(refused.contains(part), "`{part}` is missing in {refused}");
    }
}

#[test]
fn a_signal_ends_it_after_the_requests_under_way_and_a_second_one_at_once() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &[]);
    // A connection that is kept open and idle does not hold up the end.
    let mut idle = TcpStream::connect(&server.address).unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).unwrap();
    server.process.signal(Signal::INT);
    assert_eq!(server.process.wait(), Some(0));

    let server = Server::start(place.path(), &[]);
    // A request whose end never comes does, until the second signal.
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(b"GET /health HTTP/1.1\r\nHost:").unwrap();
    server.process.signal(Signal::TERM);
    while TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(), Some(1));

    // And after either end the data directory is free.
    drop(Server::start(place.path(), &[]));
}

#[test]
fn what_keeps_a_server_from_starting_is_said() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let serve = |data: &Path, more: &[&str]| {
        let mut arguments = vec!["serve"];
        arguments.extend_from_slice(more);
        codecourier(data, &arguments)
    };
    serve(elsewhere.path(), &["--listen", &server.address]).refused(4, &["cannot listen on", "--listen"]);
    serve(place.path(), &["--listen", "127.0.0.1:0"]).refused(
        4,
        &[
            "is in use by process",
            "codecourier serve at http://127.0.0.1:",
            "codecourier login",
        ],
    );
    serve(elsewhere.path(), &["--listen", "nonsense"])
        .refused(2, &["`server.listen` cannot be `nonsense`", "--listen"]);
    serve(elsewhere.path(), &["--set", "server.tls_key=/k"]).refused(2, &["no `server.tls_certificate`"]);
    serve(elsewhere.path(), &["--set", "smtp.password=canary"])
        .refused(2, &["is a secret", "CODECOURIER_SMTP_PASSWORD"]);
}

#[test]
fn a_certificate_is_used_and_read_again_on_a_signal() {
    let place = tempfile::tempdir().unwrap();
    let first = certificate(place.path());
    let certificate_option = format!("server.tls_certificate={}", place.path().join("tls.crt").display());
    let key_option = format!("server.tls_key={}", place.path().join("tls.key").display());
    let tls = ["--set", &certificate_option, "--set", &key_option];
    let mut arguments = vec!["serve"];
    arguments.extend_from_slice(&tls);
    codecourier(place.path(), &arguments).refused(2, &["which https:// address people open", "--public-url"]);
    let server = Server::start(
        place.path(),
        &[tls.as_slice(), &["--public-url", "https://localhost"]].concat(),
    );
    let answer = get_with_tls(&server.address, &first).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let second = certificate(place.path());
    server.process.signal(Signal::HUP);
    let begun = std::time::Instant::now();
    while get_with_tls(&server.address, &second).is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the new certificate is not used"
        );
        std::thread::yield_now();
    }
    assert!(
        get_with_tls(&server.address, &first).is_err(),
        "the old certificate is gone"
    );

    // One that cannot be read leaves the one before in use.
    std::fs::write(place.path().join("tls.crt"), "nonsense").unwrap();
    server.process.signal(Signal::HUP);
    assert!(get_with_tls(&server.address, &second).is_ok());
    assert_eq!(
        server.get("/health", "").len(),
        7,
        "without TLS there is an alert and no more"
    );
}

/// Writes a certificate and its key, and gives the certificate.
pub(crate) fn certificate(directory: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(directory.join("tls.crt"), made.cert.pem()).unwrap();
    made.cert.pem()
}

fn get_with_tls(address: &str, trusted: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    get_over(
        StreamOwned::new(connection, TcpStream::connect(address)?),
        "/health",
        "",
    )
}

#[cfg(feature = "otel")]
#[test]
fn traces_of_requests_go_to_the_collector() {
    let place = tempfile::tempdir().unwrap();
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("telemetry.otlp_endpoint=http://{}", collector.local_addr().unwrap());
    let server = Server::start(place.path(), &["--set", &endpoint]);
    assert!(server.get("/api/v1/server", "").starts_with("HTTP/1.1 200"));
    // What has not been sent by then is sent at the end.
    server.process.signal(Signal::TERM);
    let (mut stream, _) = collector.accept().unwrap();
    let mut request = [0; 16 * 1024];
    let length = stream.read(&mut request).unwrap();
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    assert!(text.starts_with("POST /v1/traces HTTP/1.1"), "{text}");
    let empty =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(empty).unwrap();
    drop((stream, collector));
    assert_eq!(server.process.wait(), Some(0));
}

#[cfg(not(feature = "otel"))]
#[test]
fn a_program_without_traces_does_not_pretend() {
    let place = tempfile::tempdir().unwrap();
    let arguments = ["serve", "--set", "telemetry.otlp_endpoint=http://127.0.0.1:4318"];
    codecourier(place.path(), &arguments).refused(2, &["without the feature `otel`"]);
}

#[test]
fn the_master_key_is_rotated_while_no_server_runs() {
    let place = tempfile::tempdir().unwrap();
    codecourier(place.path(), &["keys", "rotate-master"]).refused(2, &["no runs"]);
    let server = Server::start(place.path(), &[]);
    let key = std::fs::read_to_string(place.path().join("master.key")).unwrap();
    codecourier(place.path(), &["keys", "rotate-master"]).refused(4, &["is in use by process", "codecourier serve at"]);
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait(), Some(0));

    let rotated = codecourier(place.path(), &["keys", "rotate-master", "--json"]);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    assert!(rotated.stdout.contains(r#""unopened":0"#), "{}", rotated.stdout);
    let keys = std::fs::read_to_string(place.path().join("master.key")).unwrap();
    let old = key.lines().rfind(|line| !line.starts_with('#')).unwrap();
    let old = old.split('#').next().unwrap().trim();
    assert!(
        keys != key && keys.contains(old),
        "the old key is kept for what it sealed"
    );
    drop(Server::start(place.path(), &[]));
}
