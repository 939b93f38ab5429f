//! The table of every setting: what can be written in the configuration file, the environment and on the command line.
//!
//! `codecourier config example` prints it as a file; docs/operating.md explains how it is used.

use std::net::SocketAddr;
use std::path::PathBuf;

use codecourier_agents::AcpCommand;
use codecourier_engine::templates::TemplateName;
use codecourier_gateway::Destination;

use super::given::Given;
use super::secret::SecretSource;
use super::table::{Kind, Setting, settings};
use super::value::{
    Between, Dollars, List, ListenAddress, LogFormat, ProxyRange, SignUp, SmtpSecurity, Value, Variable, WebUrl,
};
use crate::problem::Problem;

/// What the tables of the file are about.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("server", "How the server is reached."),
    ("database", "Where rows are kept."),
    ("accounts", "Who may make an account with email and password."),
    (
        "smtp",
        "The mail server, for invitations, magic links and resets. Without it none is sent.",
    ),
    (
        "sign_in.github",
        "Sign-in with GitHub. The callback is <public URL>/api/v1/auth/providers/github/callback.",
    ),
    (
        "sign_in.google",
        "Sign-in with Google. The callback is <public URL>/api/v1/auth/providers/google/callback.",
    ),
    (
        "sign_in.oidc",
        "Sign-in with any OpenID Connect issuer. The callback is <public URL>/api/v1/auth/providers/oidc/callback.",
    ),
    (
        "identity",
        "Trusting an outside identity provider's JWTs as bearer tokens, such as Clerk's.",
    ),
    (
        "encryption",
        "What provider keys and secret variables are encrypted with.",
    ),
    ("limits", "How many requests one caller may make."),
    ("runs", "How runs are executed."),
    (
        "agents",
        "The agent `acp`: any program that speaks the Agent Client Protocol on its standard streams.",
    ),
    (
        "models",
        "Model keys for every project that has none of its own, and for commands without a server.",
    ),
    (
        "egress",
        "The way out of a sandbox whose Claude Code was handed a subscription's token. Nothing else gets out of any sandbox.",
    ),
    ("log", "What is logged, and how."),
    (
        "telemetry",
        "Traces by OpenTelemetry, in builds with the feature `otel`.",
    ),
];

/// Variables that people already have, and the settings they stand for. The product's own variable wins.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("log.filter", "CODECOURIER_LOG"),
    ("models.anthropic_api_key", "ANTHROPIC_API_KEY"),
    ("models.anthropic_auth_token", "ANTHROPIC_AUTH_TOKEN"),
    ("models.anthropic_base_url", "ANTHROPIC_BASE_URL"),
    ("models.openai_api_key", "OPENAI_API_KEY"),
    ("models.openai_base_url", "OPENAI_BASE_URL"),
    ("models.openrouter_api_key", "OPENROUTER_API_KEY"),
];

settings! {
    /// Where everything is kept. Default: codecourier in `$XDG_DATA_HOME`, or in ~/.local/share.
    optional data_dir: PathBuf, "data_dir" = "/var/lib/codecourier";

    /// The address to listen on. Behind a reverse proxy on the same machine the default is right; without one, name the
    /// address of the machine, and a certificate.
    value listen: ListenAddress, "server.listen" = "127.0.0.1:8717";
    /// The address in people's browsers, for links in mails and for callbacks. Default: made from the listen address.
    optional public_url: WebUrl, "server.public_url" = "https://courier.example.org";
    /// A file with the certificate and its chain, as PEM. Read again on SIGHUP.
    optional tls_certificate: PathBuf, "server.tls_certificate" = "/etc/codecourier/tls.crt";
    /// A file with the certificate's private key, as PEM. Read again on SIGHUP.
    optional tls_key: PathBuf, "server.tls_key" = "/etc/codecourier/tls.key";
    /// Reverse proxies whose word on the client's address (`Forwarded`, or `X-Forwarded-For` and `-Proto`) is taken.
    value trusted_proxies: List<ProxyRange>, "server.trusted_proxies" = "";
    /// The bearer token that /metrics asks for. Without one, /metrics is given to clients on this machine only.
    secret metrics_token: String, "server.metrics_token" = "/etc/codecourier/metrics-token";

    /// The URL of a PostgreSQL database: `postgres://user:password@host/name`. Without one, SQLite in the data directory.
    secret database_url: String, "database.url" = "/etc/codecourier/database-url";

    /// Who may make an account. The first account of a fresh server is its operator's, whatever this says.
    value sign_up: SignUp, "accounts.sign_up" = "invitation";

    /// The mail server's name.
    optional smtp_host: String, "smtp.host" = "mail.example.org";
    /// Its port.
    value smtp_port: Between<1, 65_535>, "smtp.port" = "587";
    /// How the connection is protected.
    value smtp_security: SmtpSecurity, "smtp.security" = "starttls";
    /// The user to sign in as.
    optional smtp_user: String, "smtp.user" = "codecourier";
    /// The user's password.
    secret smtp_password: String, "smtp.password" = "/etc/codecourier/smtp-password";
    /// The sender.
    optional smtp_from: String, "smtp.from" = "CodeCourier <codecourier@example.org>";

    /// The client's identifier.
    optional github_client_id: String, "sign_in.github.client_id" = "Iv1.0123456789abcdef";
    /// The client's secret.
    secret github_client_secret: String, "sign_in.github.client_secret" = "/etc/codecourier/github-secret";
    /// The client's identifier.
    optional google_client_id: String, "sign_in.google.client_id" = "0123456789.apps.googleusercontent.com";
    /// The client's secret.
    secret google_client_secret: String, "sign_in.google.client_secret" = "/etc/codecourier/google-secret";
    /// The issuer, exactly as it writes itself, a slash at the end included. Its discovery document is at
    /// <issuer>/.well-known/openid-configuration.
    optional oidc_issuer: String, "sign_in.oidc.issuer" = "https://login.example.org";
    /// What the button says.
    value oidc_name: String, "sign_in.oidc.name" = "Single sign-on";
    /// The client's identifier.
    optional oidc_client_id: String, "sign_in.oidc.client_id" = "codecourier";
    /// The client's secret.
    secret oidc_client_secret: String, "sign_in.oidc.client_secret" = "/etc/codecourier/oidc-secret";

    /// The issuer, exactly as in the claim `iss`.
    optional identity_issuer: String, "identity.issuer" = "https://clerk.example.org";
    /// Where its keys are. Default: <issuer>/.well-known/jwks.json.
    optional identity_jwks_url: WebUrl, "identity.jwks_url" = "https://clerk.example.org/.well-known/jwks.json";
    /// What the claim `aud` must name one of.
    value identity_audience: List<String>, "identity.audience" = "";
    /// What the claim `azp` must be one of.
    value identity_authorized_parties: List<String>, "identity.authorized_parties" = "";
    /// The secret that the provider signs its webhooks with.
    secret identity_webhook_secret: String, "identity.webhook_secret" = "/etc/codecourier/identity-webhook-secret";

    /// The master key: 32 bytes as base64 or hex. Without it, a key is made in `master.key` in the data directory at the
    /// first start. Keep a copy elsewhere: without the key, what is encrypted with it is lost.
    secret master_key: String, "encryption.master_key" = "/etc/codecourier/master.key";

    /// Requests per minute of one signed-in person or key.
    value requests_per_minute: Between<1, 1_000_000>, "limits.requests_per_minute" = "1800";
    /// Requests per minute of one address without a credential.
    value anonymous_requests_per_minute: Between<1, 1_000_000>, "limits.anonymous_requests_per_minute" = "600";

    /// How many steps are executed at once.
    value work_places: Between<1, 1_000>, "runs.work_places" = "4";
    /// What a run may cost when nobody says, in US dollars.
    value default_budget: Dollars, "runs.default_budget" = "20";

    /// The program and its arguments, as a list. It is started in the sandbox, not by a shell. A project may name another.
    optional acp_command: AcpCommand, "agents.acp_command" = r#"["opencode", "acp"]"#;
    /// What its sandbox starts from: a template that has the program, or `base` when the project's setup script brings it.
    value acp_template: TemplateName, "agents.acp_template" = "base";
    /// Its environment, beside the project's variables, which win. For what is no secret.
    value acp_environment: List<Variable>, "agents.acp_environment" = "";

    /// A key for Anthropic's API.
    secret anthropic_api_key: String, "models.anthropic_api_key" = "/etc/codecourier/anthropic-key";
    /// A bearer token in the key's place, for other endpoints of the same API.
    secret anthropic_auth_token: String, "models.anthropic_auth_token" = "/etc/codecourier/anthropic-token";
    /// Where the API is, without /v1.
    optional anthropic_base_url: String, "models.anthropic_base_url" = "https://api.anthropic.com";
    /// A key for OpenAI's API, or for a server that speaks like it.
    secret openai_api_key: String, "models.openai_api_key" = "/etc/codecourier/openai-key";
    /// Where OpenAI's API is, or a server that speaks like it: a model on this machine, say. A key is then not needed.
    optional openai_base_url: String, "models.openai_base_url" = "https://api.openai.com";
    /// A key for OpenRouter's API.
    secret openrouter_api_key: String, "models.openrouter_api_key" = "/etc/codecourier/openrouter-key";
    /// Where OpenRouter's API is.
    optional openrouter_base_url: String, "models.openrouter_base_url" = "https://openrouter.ai";

    /// What Claude Code reaches with a subscription's token: hosts by name and port.
    value egress_claude_hosts: List<Destination>, "egress.claude_hosts" = "api.anthropic.com:443";
    /// The address at which all of these are, instead of what the name server says: a proxy of your own that inspects
    /// TLS, say. It is not checked, so it may be one in your own network.
    optional egress_claude_address: SocketAddr, "egress.claude_address" = "192.0.2.10:443";
    /// A file with certificates, as PEM, that Claude Code trusts there beside the usual ones.
    optional egress_claude_certificates: PathBuf, "egress.claude_certificates" = "/etc/codecourier/egress-ca.pem";

    /// How the server writes its log, on standard error: text on a terminal and JSON elsewhere, or one of them.
    value log_format: LogFormat, "log.format" = "auto";
    /// What the log holds: `info`, `debug`, `codecourier_engine=trace`.
    optional log_filter: String, "log.filter" = "info";

    /// Where traces are sent, by OTLP over HTTP.
    optional otlp_endpoint: WebUrl, "telemetry.otlp_endpoint" = "http://127.0.0.1:4318";
}
