//! The table of everything that holds a secret, and which canary stands in it.
//!
//! A new field of a type that is secret, a new secret setting, or a new column that is encrypted has to get a row: then
//! [`every_secret_field_has_a_row`] passes again, and the test beside it fails until something puts a canary there.

use std::collections::BTreeSet;
use std::path::Path;

use codecourier_store::sealed::SealedColumn;

/// A secret whose canary is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Canary {
    Password,
    WrongPassword,
    NewPassword,
    SessionToken,
    ApiKey,
    MailLink,
    InvitationCode,
    ProviderKey,
    RefusedProviderKey,
    SecretVariable,
    StepToken,
    Jwt,
    MasterKey,
    MetricsToken,
    DatabasePassword,
    SmtpPassword,
    GitHubClientSecret,
    GoogleClientSecret,
    OidcClientSecret,
    WebhookSecret,
    AnthropicApiKey,
    AnthropicAuthToken,
    OpenAiApiKey,
    OpenRouterApiKey,
}

/// What holds a secret, by the name that the sources give it, and the secrets that stand there.
pub(super) const FIELDS: &[(&str, &[Canary])] = &[
    ("wire SignUpRequest.password", &[Canary::Password]),
    (
        "wire SignInRequest.password",
        &[Canary::Password, Canary::WrongPassword],
    ),
    // This server mails its invitations: the codes are what clients send, who have none or the wrong one.
    ("wire SignUpRequest.invitation_code", &[Canary::InvitationCode]),
    ("wire RedeemInvitation.code", &[Canary::InvitationCode]),
    ("wire Invitation.code", &[Canary::InvitationCode]),
    ("wire NewSession.token", &[Canary::SessionToken]),
    ("wire RotatedSession.token", &[Canary::SessionToken]),
    ("wire FollowLink.token", &[Canary::MailLink]),
    ("wire ConfirmPasswordReset.token", &[Canary::MailLink]),
    ("wire ConfirmPasswordReset.password", &[Canary::NewPassword]),
    (
        "wire ChangePassword.current_password",
        &[Canary::Password, Canary::WrongPassword],
    ),
    ("wire ChangePassword.password", &[Canary::NewPassword]),
    ("wire DeleteAccount.current_password", &[Canary::WrongPassword]),
    ("wire CreatedApiKey.token", &[Canary::ApiKey]),
    (
        "wire SetProviderKey.key",
        &[Canary::ProviderKey, Canary::RefusedProviderKey],
    ),
    ("wire CreateVariable.value", &[Canary::SecretVariable]),
    ("wire UpdateVariable.value", &[Canary::SecretVariable]),
    ("setting server.metrics_token", &[Canary::MetricsToken]),
    ("setting database.url", &[Canary::DatabasePassword]),
    ("setting smtp.password", &[Canary::SmtpPassword]),
    ("setting sign_in.github.client_secret", &[Canary::GitHubClientSecret]),
    ("setting sign_in.google.client_secret", &[Canary::GoogleClientSecret]),
    ("setting sign_in.oidc.client_secret", &[Canary::OidcClientSecret]),
    ("setting identity.webhook_secret", &[Canary::WebhookSecret]),
    ("setting encryption.master_key", &[Canary::MasterKey]),
    ("setting models.anthropic_api_key", &[Canary::AnthropicApiKey]),
    ("setting models.anthropic_auth_token", &[Canary::AnthropicAuthToken]),
    ("setting models.openai_api_key", &[Canary::OpenAiApiKey]),
    ("setting models.openrouter_api_key", &[Canary::OpenRouterApiKey]),
    ("column Mail", &[Canary::MailLink]),
    ("column KeptAnswer", &[Canary::ApiKey]),
    ("column ProviderKey", &[Canary::ProviderKey, Canary::RefusedProviderKey]),
    ("column VariableValue", &[Canary::SecretVariable]),
    ("credential of a step", &[Canary::StepToken]),
    ("credential of an outside issuer", &[Canary::Jwt]),
];

/// Every secret in the table.
pub(super) fn all() -> BTreeSet<Canary> {
    FIELDS.iter().flat_map(|(_, secrets)| secrets.iter().copied()).collect()
}

#[test]
fn every_secret_field_has_a_row() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let mut found = BTreeSet::new();
    wire(&crates.join("wire/src"), &mut found);
    let settings = std::fs::read_to_string(crates.join("codecourier/src/config/settings.rs")).unwrap();
    for line in settings.lines() {
        if let Some(rest) = line.trim().strip_prefix("secret ") {
            found.insert(format!("setting {}", rest.split('"').nth(1).unwrap()));
        }
    }
    found.extend(SealedColumn::ALL.iter().map(|column| format!("column {column:?}")));
    let listed: BTreeSet<String> = FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "these hold secrets and have no row: {missing:#?}");
    let gone = listed
        .difference(&found)
        .filter(|name| !name.starts_with("credential "));
    assert_eq!(
        gone.collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "nothing in the sources has these names"
    );
    assert!(found.len() > 20, "the sources are read: {found:?}");
}

/// The fields of secret types in the sources of a directory: `Struct.field`.
fn wire(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            wire(&path, found);
            continue;
        }
        let mut of = String::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim();
            if let Some(name) = line
                .strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))
            {
                of = name.split([' ', '<', '(']).next().unwrap().to_owned();
            }
            let is_of_secret_type = line.contains("SecretText") && line.ends_with(',');
            if let (true, Some((field, _))) = (is_of_secret_type, line.split_once(':')) {
                let field = field.trim_start_matches("pub ");
                found.insert(format!("wire {of}.{field}"));
            }
        }
    }
}
