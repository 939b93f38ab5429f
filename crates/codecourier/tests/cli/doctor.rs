//! `codecourier doctor` for whoever runs a server: what it finds in a configuration, and what it says to do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::serve::{Server, certificate};
use crate::spawn::codecourier_with;

struct Findings(Vec<Value>);

impl Findings {
    fn of(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut all = vec!["doctor", "--json", "--only", "server"];
        all.extend_from_slice(arguments);
        let ended = codecourier_with(data, &all, environment, "");
        let lines = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        let findings = lines.filter(|line: &Value| line["type"] == "finding");
        Self(findings.map(|line| line["finding"].clone()).collect())
    }

    /// How something of the server stands, with what is said of it.
    #[track_caller]
    fn stands(&self, name: &str, state: &str, says: &str) {
        let finding = self
            .0
            .iter()
            .find(|finding| finding["group"] == "server" && finding["name"] == name);
        let finding = finding.unwrap_or_else(|| panic!("nothing of {name} in {:?}", self.0));
        assert_eq!(finding["state"], state, "{finding}");
        assert!(finding.to_string().contains(says), "`{says}` is missing in {finding}");
        let needs_remedy = matches!(state, "missing" | "degraded");
        assert!(!needs_remedy || finding["remedy"].is_string(), "what to do? {finding}");
    }
}

#[test]
fn a_fresh_machine_lacks_nothing_that_the_first_start_makes() {
    let place = tempfile::tempdir().unwrap();
    let found = Findings::of(place.path(), &[], &[("CODECOURIER_SERVER_LISTEN", "127.0.0.1:0")]);
    found.stands("master key", "note", "made at the first start");
    found.stands("database", "note", "made at the first start");
    found.stands("public address", "works", "for this machine only");
    found.stands("listening", "works", "is free");
    found.stands("clock", "works", "20");
    found.stands("mail", "note", "none");
    assert!(!place.path().join("master.key").exists(), "a look makes nothing");
}

#[test]
fn what_a_server_has_is_looked_at_while_it_runs() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path(), &[]);
    let address = server.address.clone();
    let listen = [("CODECOURIER_SERVER_LISTEN", address.as_str())];
    let found = Findings::of(place.path(), &[], &listen);
    found.stands("master key", "works", "keep a copy elsewhere");
    found.stands("database", "works", "SQLite 3.");
    found.stands("listening", "note", "this server, if it runs");
    drop(server);
    std::fs::set_permissions(
        place.path().join("master.key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    Findings::of(place.path(), &[], &listen).stands("master key", "missing", "chmod 600");
    std::fs::remove_file(place.path().join("master.key")).unwrap();
    Findings::of(place.path(), &[], &listen).stands("master key", "degraded", "put the key back");
    std::fs::write(place.path().join("codecourier.db"), "nonsense").unwrap();
    Findings::of(place.path(), &[], &listen).stands("database", "missing", "restore a backup");
}

#[test]
fn addresses_and_certificates_that_do_not_fit_are_told() {
    let place = tempfile::tempdir().unwrap();
    certificate(place.path());
    let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (crt, key) = (file("tls.crt"), file("tls.key"));
    let tls = [
        ("CODECOURIER_SERVER_TLS_CERTIFICATE", crt.as_str()),
        ("CODECOURIER_SERVER_TLS_KEY", &key),
    ];
    let of = |tls: &[(&str, &str)], url: &str, more: &[(&str, &str)]| {
        let mut environment = [tls, more].concat();
        environment.push(("CODECOURIER_SERVER_PUBLIC_URL", url));
        Findings::of(place.path(), &[], &environment)
    };
    let url = "https://courier.example.org";
    let good = of(&tls, url, &[]);
    good.stands("public address", "works", url);
    good.stands("certificate", "works", "good until");
    of(&tls, "http://courier.example.org", &[]).stands("public address", "missing", "https://");
    of(&[], url, &[]).stands("public address", "degraded", "server.trusted_proxies");
    of(&[], url, &[("CODECOURIER_SERVER_TRUSTED_PROXIES", "127.0.0.1")]).stands("public address", "works", url);
    let plain = "http://courier.example.org";
    of(&[], plain, &[]).stands("public address", "degraded", "unprotected");
    of(&[tls[0]], url, &[]).stands("certificate", "missing", "no `server.tls_key`");
    std::fs::write(&crt, "nonsense").unwrap();
    of(&tls, url, &[]).stands("certificate", "missing", "PEM file");
    let elsewhere = [("CODECOURIER_SERVER_LISTEN", "192.0.2.1:80")];
    Findings::of(place.path(), &[], &elsewhere).stands("listening", "missing", "0.0.0.0");
    let exposed = [("CODECOURIER_SERVER_LISTEN", "0.0.0.0:0")];
    Findings::of(place.path(), &[], &exposed).stands("public address", "degraded", "unprotected");
}

#[test]
fn mail_and_providers_are_asked_when_that_is_wanted() {
    let place = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mail = |port| {
        vec![
            ("CODECOURIER_SMTP_HOST", "127.0.0.1"),
            ("CODECOURIER_SMTP_PORT", port),
            ("CODECOURIER_SMTP_SECURITY", "none"),
            ("CODECOURIER_SMTP_FROM", "courier@example.org"),
        ]
    };
    Findings::of(place.path(), &[], &mail(&port)).stands("mail", "note", "--online");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it was asked without being wanted");
    listener.set_nonblocking(false).unwrap();
    let answering = std::thread::spawn(move || answer_as_mail_server(&listener));
    Findings::of(place.path(), &["--online"], &mail(&port)).stands("mail", "works", "answers");
    let heard = answering.join().unwrap();
    assert!(
        !heard.iter().any(|line| line.starts_with("MAIL")),
        "something was sent: {heard:?}"
    );
    Findings::of(place.path(), &["--online"], &mail("1")).stands("mail", "missing", "127.0.0.1:1");

    let provider = [
        ("CODECOURIER_SIGN_IN_OIDC_ISSUER", "http://127.0.0.1:1"),
        ("CODECOURIER_SIGN_IN_OIDC_CLIENT_ID", "courier"),
    ];
    Findings::of(place.path(), &[], &provider).stands("sign-in oidc", "note", "Single sign-on");
    Findings::of(place.path(), &["--online"], &provider).stands("sign-in oidc", "missing", "exactly as");
    let half = [("CODECOURIER_SIGN_IN_GITHUB_CLIENT_ID", "x")];
    Findings::of(place.path(), &[], &half).stands("sign-in", "missing", "or neither");
}

/// Greets one client, agrees to whatever it says, and gives what that was.
fn answer_as_mail_server(listener: &TcpListener) -> Vec<String> {
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"220 mail.example.org\r\n").unwrap();
    let mut heard = Vec::new();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let Ok(line) = line else { break };
        let answer: &[u8] = if line == "QUIT" {
            b"221 bye\r\n"
        } else {
            b"250 fine\r\n"
        };
        let is_gone = stream.write_all(answer).is_err();
        heard.push(line);
        if is_gone || answer.starts_with(b"221") {
            break;
        }
    }
    heard
}

#[test]
fn a_postgresql_that_does_not_answer_is_told_without_its_password() {
    let place = tempfile::tempdir().unwrap();
    let url = "postgres://courier:canary@127.0.0.1:1/courier";
    let ended = codecourier_with(
        place.path(),
        &["doctor", "--only", "server"],
        &[("CODECOURIER_DATABASE_URL", url)],
        "",
    );
    assert!(
        ended.stdout.contains("database.url") && !ended.stdout.contains("canary"),
        "{}",
        ended.stdout
    );
    let url = codecourier_testkit::postgres::Server::shared().create_database();
    let found = Findings::of(place.path(), &[], &[("CODECOURIER_DATABASE_URL", &url)]);
    found.stands("database", "works", "with nothing in it yet");
}
