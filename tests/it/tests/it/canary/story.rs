//! What happens to the canaries: every flow that has a secret in it, once as it should be and once as it should not.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use codecourier_domain::provider::Provider;
use codecourier_domain::time::Clock as _;
use codecourier_engine::clock::SystemClock;
use codecourier_it::live::client::Client;
use codecourier_it::person::Person;
use codecourier_it::scene::ended;
use codecourier_it::server::Installation;
use codecourier_it::serving::{self, Server, Start};
use codecourier_testkit::outside::key_server::KeyServer;
use codecourier_testkit::outside::signing::SigningKey;
use codecourier_testkit::repository::{RepositoryBuilder, SampleRepository};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::fields::Canary;
use super::outside::{Manner, Outside};
use super::processes::{self, Process};
use super::traces::Canaries;

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);
const ADA: &str = "ada@example.org";

/// Whatever an agent finds and says is in its transcript, but for the project's secrets. It says all but the token of its
/// own step, which nobody can use after the step, nor anywhere but at the gateway.
const SCRIPT: &str = r#"Look around.
@@bash (env; tr '\0' '\n' < /proc/self/environ; cat .env /home/user/.env 2>/dev/null) | grep -v cc_step_; echo "$CANARY"
@@write seen.txt <<< everything
@@say I have seen it all.
"#;

/// Where the server keeps its rows.
pub(super) enum Database {
    Sqlite,
    PostgreSql(String),
}

/// A server that was used, and what came out of it.
pub(super) struct Story {
    pub(super) canaries: Canaries,
    /// What was seen, by where it was seen.
    pub(super) surfaces: BTreeMap<String, Vec<u8>>,
    /// Every program that there was while an agent worked.
    pub(super) processes: Vec<Process>,
    /// Which of them was the server.
    pub(super) server: u32,
    installation: Installation,
    address: String,
    url: String,
    http: reqwest::Client,
    outside: Outside,
    /// What makes these canaries different from those of another test.
    mark: String,
    _repository: tempfile::TempDir,
    source: SampleRepository,
}

impl Story {
    /// Where the data is.
    pub(super) fn data(&self) -> &Path {
        self.installation.data()
    }

    /// Tells the whole story.
    pub(super) async fn tell(database: Database) -> Self {
        let installation = Installation::new().await.unwrap();
        let place = tempfile::tempdir().unwrap();
        let source = RepositoryBuilder::new()
            .file("README.md", "A sample.\n")
            .commit("first")
            .build(place.path().join("source"));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut story = Self {
            canaries: Canaries::default(),
            surfaces: BTreeMap::new(),
            processes: Vec::new(),
            server: 0,
            installation,
            address: String::new(),
            url: String::new(),
            http,
            outside: Outside::open().await,
            mark: format!("{:08x}", rand::random::<u32>()),
            _repository: place,
            source,
        };
        let issuer_key = SigningKey::ec("canary");
        let issuer = KeyServer::start(&[&issuer_key]).await;
        let server = story.start(&database, &issuer).await;

        let session = story.accounts().await;
        story.outside_people(&issuer, &issuer_key).await;
        let watching = story.watch(&session).await;
        let key = story.project(&session).await;
        let runs = story.runs(&session, &key).await;
        story.read_everything(&session, &runs).await;
        story.streams(&session, &runs, watching, server).await;
        story.log();
        story
    }

    /// A text that is nowhere else, with characters that have to be written differently in URLs and in JSON.
    fn canary(&mut self, secret: Canary, name: &str) -> String {
        let text = format!("canary {name}+/\"{}", self.mark);
        self.canaries.plant(secret, &text);
        text
    }

    /// One of the letters that keys have.
    fn plain_canary(&mut self, secret: Canary, name: &str) -> String {
        let text = format!("canary-{name}-{}", self.mark);
        self.canaries.plant(secret, &text);
        text
    }

    async fn start(&mut self, database: &Database, issuer: &KeyServer) -> Server {
        let mut master_key = [7; 32];
        rand::fill(&mut master_key[..]);
        let master_text = base64_of(&master_key);
        let master_hex: String = master_key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.canaries.plant(Canary::MasterKey, &master_text);
        self.canaries.plant(Canary::MasterKey, &master_hex);
        let webhook = format!("{:0>24}", base64_of(format!("canary{}", self.mark).as_bytes()));
        self.canaries.plant(Canary::WebhookSecret, &webhook);
        let model = format!("{}/model", self.outside.url);
        let mut environment = vec![
            ("PATH", serving::reach_repositories(&self.installation).unwrap()),
            ("CODECOURIER_LOG", "trace".to_owned()),
            ("CODECOURIER_LOG_FORMAT", "json".to_owned()),
            ("CODECOURIER_ENCRYPTION_MASTER_KEY", master_text),
            (
                "CODECOURIER_SERVER_METRICS_TOKEN",
                self.plain_canary(Canary::MetricsToken, "metrics"),
            ),
            ("CODECOURIER_SERVER_PUBLIC_URL", "http://127.0.0.1:9".to_owned()),
            ("CODECOURIER_SMTP_HOST", "127.0.0.1".to_owned()),
            ("CODECOURIER_SMTP_PORT", self.outside.mail.port.to_string()),
            ("CODECOURIER_SMTP_SECURITY", "none".to_owned()),
            ("CODECOURIER_SMTP_FROM", "courier@example.org".to_owned()),
            ("CODECOURIER_SIGN_IN_GITHUB_CLIENT_ID", "Iv1.0".to_owned()),
            (
                "CODECOURIER_SIGN_IN_GITHUB_CLIENT_SECRET",
                self.canary(Canary::GitHubClientSecret, "github"),
            ),
            ("CODECOURIER_SIGN_IN_GOOGLE_CLIENT_ID", "google".to_owned()),
            (
                "CODECOURIER_SIGN_IN_GOOGLE_CLIENT_SECRET",
                self.canary(Canary::GoogleClientSecret, "google"),
            ),
            ("CODECOURIER_SIGN_IN_OIDC_ISSUER", format!("{}/oidc", self.outside.url)),
            ("CODECOURIER_SIGN_IN_OIDC_CLIENT_ID", "courier".to_owned()),
            (
                "CODECOURIER_SIGN_IN_OIDC_CLIENT_SECRET",
                self.canary(Canary::OidcClientSecret, "oidc"),
            ),
            ("CODECOURIER_IDENTITY_ISSUER", issuer.issuer()),
            ("CODECOURIER_IDENTITY_AUDIENCE", "courier".to_owned()),
            ("CODECOURIER_IDENTITY_WEBHOOK_SECRET", format!("whsec_{webhook}")),
            (
                "ANTHROPIC_API_KEY",
                self.plain_canary(Canary::AnthropicApiKey, "server-key"),
            ),
            (
                "ANTHROPIC_AUTH_TOKEN",
                self.plain_canary(Canary::AnthropicAuthToken, "server-token"),
            ),
            ("ANTHROPIC_BASE_URL", model),
            ("OPENAI_API_KEY", self.plain_canary(Canary::OpenAiApiKey, "openai-key")),
            (
                "OPENROUTER_API_KEY",
                self.plain_canary(Canary::OpenRouterApiKey, "openrouter-key"),
            ),
            ("CODECOURIER_LIMITS_REQUESTS_PER_MINUTE", "1000000".to_owned()),
            ("CODECOURIER_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "1000000".to_owned()),
        ];
        if let Database::PostgreSql(url) = database {
            let password = self.plain_canary(Canary::DatabasePassword, "database");
            environment.push(("CODECOURIER_DATABASE_URL", format!("{url}&password={password}")));
        }
        // A password for mail is only taken with TLS, which the mail server of this test does not have: it is seen by
        // everything but that server.
        let mut with_mail = environment.clone();
        with_mail.push(("CODECOURIER_SMTP_USER", "courier".to_owned()));
        with_mail.push(("CODECOURIER_SMTP_PASSWORD", self.canary(Canary::SmtpPassword, "smtp")));
        for (arguments, code) in [
            (&["config", "explain"][..], Some(0)),
            (&["config", "explain", "--json"], Some(0)),
            (&["serve", "--listen", "127.0.0.1:0"], Some(2)),
            // What it comes to is the machine's.
            (&["doctor", "--json"], None),
        ] {
            let mut command = self.installation.command(arguments);
            command.envs(with_mail.clone());
            let said = ended(command).await.unwrap();
            assert!(code.is_none() || said.code == code, "{arguments:?}: {}", said.stderr);
            let kept = self.surfaces.entry(arguments.join(" ")).or_default();
            kept.extend(format!("{}{}", said.stdout, said.stderr).bytes());
        }
        let start = Start {
            environment,
            ..Start::default()
        };
        let server = Server::start(&self.installation, start).await.unwrap();
        self.server = server.pid();
        self.address.clone_from(&server.address);
        self.url = format!("http://{}", server.address);
        server
    }

    fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    /// Sends a request, and keeps its answer but for the one text in it that is meant for the caller's eyes.
    async fn send(&mut self, request: RequestBuilder, reveals: &str) -> (StatusCode, header::HeaderMap, Value) {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let answer = body.clone();
        if let Some(revealed) = body.pointer_mut(reveals).filter(|_| !reveals.is_empty()) {
            *revealed = Value::Null;
        }
        let kept = self.surfaces.entry("answers".to_owned()).or_default();
        kept.extend(format!("{status} {headers:?}\n{body}\n").bytes());
        (status, headers, answer)
    }

    async fn ask(&mut self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let request = self.request(method, path, token).json(&body);
        let (status, _, body) = self.send(request, "").await;
        (status, body)
    }

    /// Does something that works and gives the text that is shown this once.
    async fn ask_for(&mut self, secret: Canary, path: &str, token: &str, body: Value, at: &str) -> (String, Value) {
        let mut request = self.request(Method::POST, path, token).json(&body);
        if !token.is_empty() {
            // So that the answer is kept, for whoever did not get it and asks again.
            request = request.header("idempotency-key", format!("{:08x}", rand::random::<u32>()));
        }
        let (status, _, body) = self.send(request, at).await;
        assert!(status.is_success(), "{path}: {body}");
        let text = body.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.canaries.plant(secret, &text);
        (text, body)
    }

    /// People with passwords and links.
    async fn accounts(&mut self) -> String {
        let password = self.canary(Canary::Password, "password");
        let wrong = self.canary(Canary::WrongPassword, "wrong");
        let new = self.canary(Canary::NewPassword, "renewed");
        let asked = json!({ "email": ADA, "name": "Ada", "password": password, "delivery": "token" });
        let at = "/data/session/token";
        let (session, _) = self.ask_for(Canary::SessionToken, "/auth/sign-up", "", asked, at).await;
        for body in [
            json!({ "email": ADA, "password": wrong }),
            json!({ "email": ADA, "password": { "inside": wrong } }),
            json!({ "email": wrong, "password": password }),
            json!({ "email": ADA, "password": password, "passwort": wrong }),
            json!([password]),
        ] {
            let (status, _) = self.ask(Method::POST, "/auth/sign-in", "", body).await;
            assert!(status.is_client_error(), "{status}");
        }
        let broken = format!("{{\"email\": \"{ADA}\", \"password\": \"{wrong}\", ");
        let request = self.request(Method::POST, "/auth/sign-in", "").body(broken);
        self.send(request.header(header::CONTENT_TYPE, "application/json"), "")
            .await;
        let change = json!({ "currentPassword": wrong, "password": new });
        let (status, _) = self.ask(Method::PUT, "/account/password", &session, change).await;
        assert!(status.is_client_error());
        let (status, _) = self
            .ask(
                Method::DELETE,
                "/account",
                &session,
                json!({ "currentPassword": wrong }),
            )
            .await;
        assert!(status.is_client_error());
        self.ask(Method::GET, "/whoami", &format!("{session}x"), json!({}))
            .await;

        // The mail server refuses the first who comes, with the password in its words.
        for _ in 0..2 {
            self.ask(Method::POST, "/auth/magic-link", "", json!({ "email": ADA }))
                .await;
        }
        let link = self.outside.mail.token_to(ADA, 0).await;
        self.canaries.plant(Canary::MailLink, &link);
        let confirm = json!({ "token": link, "delivery": "token" });
        let path = "/auth/magic-link/confirm";
        let (_, answer) = self
            .ask(
                Method::POST,
                "/auth/verify-email",
                "",
                json!({ "token": format!("{link}x") }),
            )
            .await;
        assert!(answer["error"]["code"].is_string(), "{answer}");
        let request = self.request(Method::POST, path, "").json(&confirm);
        let (_, _, answer) = self.send(request, "/data/token").await;
        if let Some(token) = answer["data"]["token"].as_str() {
            self.canaries.plant(Canary::SessionToken, token);
            let rotate = "/auth/session/rotate";
            self.ask_for(Canary::SessionToken, rotate, token, json!({}), "/data/token")
                .await;
        }
        self.ask(Method::POST, path, "", confirm).await;
        let before = self.outside.mail.count();
        self.ask(Method::POST, "/auth/password-reset", "", json!({ "email": ADA }))
            .await;
        let link = self.outside.mail.token_to(ADA, before).await;
        self.canaries.plant(Canary::MailLink, &link);
        let path = "/auth/password-reset/confirm";
        let (status, _) = self
            .ask(Method::POST, path, "", json!({ "token": link, "password": "short" }))
            .await;
        assert!(status.is_client_error());
        let (status, answer) = self
            .ask(Method::POST, path, "", json!({ "token": link, "password": new }))
            .await;
        assert!(status.is_success(), "{answer}");
        let asked = json!({ "email": ADA, "password": new, "delivery": "token" });
        self.ask_for(Canary::SessionToken, "/auth/sign-in", "", asked, "/data/token")
            .await
            .0
    }

    /// People by the word of others.
    async fn outside_people(&mut self, issuer: &KeyServer, key: &SigningKey) {
        let now = SystemClock.now().milliseconds().unsigned_abs() / 1_000;
        let claims = |expires: u64| {
            json!({ "iss": issuer.issuer(), "sub": "user_1", "aud": "courier", "iat": now - 60, "exp": expires,
                    "email": "carl@example.org", "email_verified": true, "name": "Carl" })
        };
        let good = key.token(&claims(now + 3_600));
        let late = key.token(&claims(now - 3_600));
        let forged = SigningKey::ec("canary").token(&claims(now + 3_600));
        for token in [&good, &late, &forged] {
            self.canaries.plant(Canary::Jwt, token);
            self.canaries.plant(Canary::Jwt, token.rsplit('.').next().unwrap());
            self.ask(Method::GET, "/whoami", token, json!({})).await;
        }
        let request = self.request(Method::POST, "/webhooks/identity", "").body("{}");
        let request = request.header("svix-id", "msg_1").header("svix-timestamp", now);
        self.send(request.header("svix-signature", "v1,AAAA"), "").await;
        for provider in ["oidc", "github", "google"] {
            let request = self.request(Method::GET, &format!("/auth/providers/{provider}/start"), "");
            let (_, headers, _) = self.send(request, "").await;
            let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            let Some(to) = to.filter(|_| provider == "oidc") else {
                continue;
            };
            // The provider refuses the server, with the client's secret in its words.
            let state = to.split("state=").nth(1).unwrap().split('&').next().unwrap();
            let path = format!("/auth/providers/oidc/callback?code=code&state={state}");
            let cookies = headers.get_all(header::SET_COOKIE).iter();
            let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
            let cookies: Vec<&str> = cookies.collect();
            let request = self
                .request(Method::GET, &path, "")
                .header(header::COOKIE, cookies.join("; "));
            self.send(request, "").await;
        }
    }

    /// Follows everything from the beginning, until the server ends.
    async fn watch(&mut self, session: &str) -> JoinSet<Vec<u8>> {
        let (status, answer) = self
            .ask(Method::POST, "/projects", session, json!({ "name": "Shop" }))
            .await;
        assert!(status.is_success(), "{answer}");
        let address = self.address.parse().unwrap();
        let mut client = Client::connect(address, session).await.unwrap();
        client.follow("project", "shop", Some(0)).await;
        for query in ["user.changes", "installation.changes"] {
            client
                .say(json!({ "type": "subscribe", "id": query, "query": query }))
                .await;
        }
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut heard = Vec::new();
            while let Some(text) = client.raw().await {
                heard.extend(text.as_str().bytes());
                heard.push(b'\n');
            }
            heard
        });
        listening
    }

    /// A project with everything in it that is secret.
    async fn project(&mut self, session: &str) -> String {
        for provider in Provider::ALL {
            let path = format!("/projects/shop/provider-keys/{provider}");
            let refused = self.plain_canary(Canary::RefusedProviderKey, &format!("refused-{provider}"));
            let kept = self.plain_canary(Canary::ProviderKey, &provider.to_string());
            for key in [&refused, &kept] {
                let (status, answer) = self.ask(Method::PUT, &path, session, json!({ "key": key })).await;
                assert!(status.is_success(), "{answer}");
                // The service refuses the first, with the key in its words.
                if matches!(provider, Provider::Anthropic | Provider::AnthropicToken) {
                    self.outside.behave(if *key == refused {
                        Manner::Refuses
                    } else {
                        Manner::Answers
                    });
                    self.ask(Method::POST, &format!("{path}/validate"), session, json!({}))
                        .await;
                }
            }
            let (status, _) = self.ask(Method::PUT, &path, session, json!({ "key": "short" })).await;
            assert!(status.is_client_error());
        }
        self.outside.behave(Manner::Answers);
        let variable = self.canary(Canary::SecretVariable, "variable");
        let path = "/projects/shop/variables";
        let create = json!({ "name": "CANARY", "value": variable, "secret": true });
        let (_, created) = self.ask(Method::POST, path, session, create.clone()).await;
        self.ask(Method::POST, path, session, create).await;
        self.ask(
            Method::POST,
            path,
            session,
            json!({ "name": "a b", "value": variable, "secret": true }),
        )
        .await;
        let variable = self.canary(Canary::SecretVariable, "another variable");
        let path = format!("{path}/{}", created["data"]["id"].as_str().unwrap());
        self.ask(Method::PATCH, &path, session, json!({ "value": variable }))
            .await;

        let create = json!({ "name": "robot", "permissions": ["runs:write", "project:read"] });
        let path = "/projects/shop/keys";
        let (key, made) = self.ask_for(Canary::ApiKey, path, session, create, "/data/token").await;
        let path = format!("{path}/{}/rotate", made["data"]["key"]["id"].as_str().unwrap());
        let rotate = json!({ "overlapSeconds": 3_600 });
        let (key_after, _) = self
            .ask_for(Canary::ApiKey, &path, session, rotate, "/data/token")
            .await;
        for token in [&key, &key_after] {
            self.ask(Method::GET, "/whoami", token, json!({})).await;
            self.ask(Method::GET, "/projects/shop/settings", token, json!({})).await;
        }
        let path = "/projects/shop/invitations";
        let bob = "bob@example.org";
        let (_, invited) = self.ask(Method::POST, path, session, json!({ "email": bob })).await;
        let code = self.plain_canary(Canary::InvitationCode, "code");
        let path = format!("/invitations/{}/redeem", invited["data"]["id"].as_str().unwrap());
        self.ask(Method::POST, &path, session, json!({ "code": code })).await;
        let sign_up = json!({ "email": bob, "name": "Bob", "password": "short", "invitationCode": code });
        self.ask(Method::POST, "/auth/sign-up", "", sign_up).await;
        key_after
    }

    /// A run whose agent looks around, and one whose provider refuses the key.
    async fn runs(&mut self, session: &str, key: &str) -> Vec<String> {
        let repository = format!("ssh://git@example.org{}", self.source.path().display());
        let mut runs = Vec::new();
        for manner in [Manner::HoldsBack, Manner::Refuses] {
            self.outside.behave(manner);
            let body = json!({ "prompt": SCRIPT, "workflow": "single", "repository": repository });
            let (status, started) = self.ask(Method::POST, "/projects/shop/runs", key, body).await;
            assert!(status.is_success(), "{started}");
            let run = started["data"]["id"].as_str().unwrap().to_owned();
            if manner == Manner::HoldsBack {
                self.outside.wait_for_somebody().await;
                self.processes = processes::all();
                let tokens = self.processes.iter().filter_map(|process| {
                    let token = process
                        .variable("ANTHROPIC_AUTH_TOKEN")
                        .or_else(|| process.variable("ANTHROPIC_API_KEY"));
                    token.filter(|token| token.starts_with("cc_step_"))
                });
                for token in tokens.collect::<Vec<_>>() {
                    self.canaries.plant(Canary::StepToken, &token);
                }
                self.outside.behave(Manner::Answers);
            }
            let person = Person::new().unwrap();
            let mut follow = person.command(&["logs", "-f", "--json", "--project", "shop", &run]);
            follow
                .env("CODECOURIER_URL", &self.url)
                .env("CODECOURIER_API_KEY", session)
                .env("CODECOURIER_LOG", "trace");
            let followed = ended(follow).await.unwrap();
            assert_eq!(followed.code, Some(0), "{}", followed.stderr);
            let seen = self.surfaces.entry("logs -f".to_owned()).or_default();
            seen.extend(format!("{}{}", followed.stdout, followed.stderr).bytes());
            runs.push(run);
        }
        let (_, first) = self
            .ask(
                Method::GET,
                &format!("/projects/shop/runs/{}", runs[0]),
                session,
                json!({}),
            )
            .await;
        assert_eq!(first["data"]["status"], "completed", "{first}");
        let (_, second) = self
            .ask(
                Method::GET,
                &format!("/projects/shop/runs/{}", runs[1]),
                session,
                json!({}),
            )
            .await;
        assert_eq!(second["data"]["status"], "failed", "{second}");
        runs
    }

    /// Everything that can be read, as the owner.
    async fn read_everything(&mut self, session: &str, runs: &[String]) {
        let described = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
        let described: Value = serde_json::from_slice(&std::fs::read(described).unwrap()).unwrap();
        let mut first = BTreeMap::new();
        for (name, path, field) in [
            ("key", "/projects/shop/keys", "id"),
            ("variable", "/projects/shop/variables", "id"),
            ("invitation", "/projects/shop/invitations", "id"),
            ("user", "/projects/shop/members", "user"),
            ("session", "/account/sessions", "id"),
            ("sandbox", "/projects/shop/sandboxes", "id"),
            ("name", "/projects/shop/workflows", "name"),
        ] {
            let (_, list) = self.ask(Method::GET, path, session, json!({})).await;
            if let Some(value) = list["data"][0][field].as_str() {
                first.insert(name, value.to_owned());
            }
        }
        let mut read = 0;
        for (path, methods) in described["paths"].as_object().unwrap() {
            if methods.get("get").is_none() || path.ends_with("/live") {
                continue;
            }
            for run in runs {
                let mut path = path
                    .replace("{slug}", "shop")
                    .replace("{run}", run)
                    .replace("{provider}", "oidc");
                for (name, value) in &first {
                    path = path.replace(&format!("{{{name}}}"), value);
                }
                let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(session);
                let (status, _, body) = self.send(request, "").await;
                let is_answered = status.is_success() || status.is_redirection() || path.contains('{');
                // Signing in was tried often by now. What it answers was kept before, when it was not too often.
                let is_answered =
                    is_answered || (status == StatusCode::TOO_MANY_REQUESTS && path.starts_with("/api/v1/auth/"));
                assert!(
                    is_answered || status == StatusCode::NOT_FOUND || path.contains("/callback"),
                    "{path}: {body}"
                );
                read += 1;
            }
        }
        assert!(read > 40, "only {read} things can be read");
        let metrics_token = self.canaries.texts(Canary::MetricsToken)[0].clone();
        for token in [metrics_token.clone(), format!("{metrics_token}x")] {
            let request = self.http.get(format!("{}/metrics", self.url)).bearer_auth(token);
            let (_, _, text) = self.send(request, "").await;
            self.surfaces
                .entry("metrics".to_owned())
                .or_default()
                .extend(text.to_string().bytes());
        }
    }

    /// What is told live, from the beginning to the end of the server.
    async fn streams(&mut self, session: &str, runs: &[String], watching: JoinSet<Vec<u8>>, server: Server) {
        let mut paths = vec!["/projects/shop/live".to_owned()];
        paths.extend(runs.iter().map(|run| format!("/projects/shop/runs/{run}/live")));
        let mut reading = JoinSet::new();
        for path in paths {
            let request = self.request(Method::GET, &path, session).header("last-event-id", "0");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            reading.spawn(async move { (path, response.bytes().await) });
        }
        assert_eq!(server.stop().await.unwrap(), Some(0));
        let heard = tokio::time::timeout(PATIENCE, watching.join_all()).await.unwrap();
        self.surfaces.insert("the live socket".to_owned(), heard.concat());
        let read = tokio::time::timeout(PATIENCE, reading.join_all()).await.unwrap();
        for (path, read) in read {
            self.surfaces.insert(path, read.map(Vec::from).unwrap_or_default());
        }
    }

    fn log(&mut self) {
        let log = std::fs::read(serving::log_of(self.data())).unwrap();
        let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let (mut total, mut traced) = (0_u32, 0_u32);
        for line in lines {
            let line: Value = serde_json::from_slice(line).expect("the log is JSON");
            total += 1;
            traced += u32::from(line["level"] == "TRACE");
        }
        assert!(total > 1_000 && traced > 100, "{traced} of {total} lines are traces");
        self.surfaces.insert("the log".to_owned(), log);
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
