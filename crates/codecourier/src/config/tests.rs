//! What counts when several say something, and how surroundings are understood.

use secrecy::ExposeSecret as _;

use super::*;
use given::Source;

fn read(variables: &[(&str, &str)]) -> Result<Config, Problem> {
    Config::from(Invocation::default(), Path::new("/nonexistent"), &|name| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| OsString::from(value))
    })
}

/// A place with a configuration in a data directory.
pub(super) fn with_file(text: &str, variables: &[(&str, &str)], sets: &[&str]) -> Result<Config, Problem> {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("config.toml"), text).unwrap();
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let invocation = Invocation {
        data_directory: Some(place.path().to_owned()),
        flags: Flags::default().with_sets(&sets)?,
        ..Invocation::default()
    };
    Config::from(invocation, Path::new("/nonexistent"), &|name| {
        let mut all = variables.iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| OsString::from(value))
    })
}

fn told(config: &Config, name: &str) -> (String, String) {
    let entry = config.explained.iter().find(|entry| entry.name == name).unwrap();
    let source = match &entry.source {
        Source::File(_) => "file".to_owned(),
        source => source.words(),
    };
    (entry.value.clone().unwrap_or_default(), source)
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_default() {
    let file = "[server]\nlisten = \"a:1\"\n[runs]\nwork_places = 2\n[smtp]\nport = 25";
    let variables = [
        ("CODECOURIER_SERVER_LISTEN", "b:2"),
        ("CODECOURIER_RUNS_WORK_PLACES", "3"),
    ];
    let config = with_file(file, &variables, &["server.listen=c:3"]).unwrap();
    assert_eq!(config.settings.listen.as_str(), "c:3");
    let told = |name| told(&config, name);
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(told("server.listen"), pair("c:3", "--set"));
    assert_eq!(told("runs.work_places"), pair("3", "CODECOURIER_RUNS_WORK_PLACES"));
    assert_eq!(told("smtp.port"), pair("25", "file"));
    assert_eq!(told("accounts.sign_up"), pair("invitation", "default"));
    assert_eq!(told("smtp.host"), pair("", "default"));
    assert_eq!(config.explained.len(), settings::SETTINGS.len());
}

#[test]
fn a_value_of_another_form_is_refused_with_where_it_came_from() {
    let problem = with_file("[accounts]\nsign_up = \"maybe\"", &[], &[]).unwrap_err();
    for words in [
        "`accounts.sign_up` cannot be `maybe`",
        "config.toml",
        "`open`, `invitation` or `closed`",
    ] {
        assert!(problem.message.contains(words), "{}", problem.message);
    }
    let problem = with_file("", &[("CODECOURIER_SMTP_PORT", "0")], &[]).unwrap_err();
    assert!(problem.message.contains("CODECOURIER_SMTP_PORT"), "{}", problem.message);
    assert!(
        with_file("", &[], &["server.lissten=x"])
            .unwrap_err()
            .message
            .contains("`server.listen`")
    );
    assert!(
        with_file("", &[], &["smtp.password=x"])
            .unwrap_err()
            .message
            .contains("secret")
    );
    assert!(with_file("data_dir = \"/x\"", &[], &[]).is_err());
}

#[test]
fn a_secret_comes_from_the_environment_a_file_or_a_command() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("secret");
    std::fs::write(&path, "from-a-file\n").unwrap();
    let text = path.to_str().unwrap();
    let password = |variables: &[(&str, &str)], file: &str| {
        let config = with_file(file, variables, &[])?;
        let secret = config.settings.smtp_password.as_ref().map(|source| source.read());
        assert!(!format!("{config:?}").contains("from-"));
        let secret = secret.transpose()?.map(|secret| secret.expose().to_owned());
        assert!(secret.iter().all(|secret| config.secrets.texts().contains(secret)));
        Ok::<_, Problem>((secret, told(&config, "smtp.password").0))
    };
    let is = |text: &str, told: &str| (Some(text.to_owned()), told.to_owned());
    let plain = password(&[("CODECOURIER_SMTP_PASSWORD", "from-the-environment ")], "").unwrap();
    assert_eq!(plain, is("from-the-environment", "set"));
    let file = password(&[("CODECOURIER_SMTP_PASSWORD_FILE", text)], "").unwrap();
    assert_eq!(file, is("from-a-file", &format!("set, in the file {text}")));
    let file = password(&[], &format!("[smtp]\npassword_file = \"{text}\"")).unwrap();
    assert_eq!(file.0.as_deref(), Some("from-a-file"));
    let command = password(&[], "[smtp]\npassword_command = \"echo FROM-A-COMMAND | tr A-Z a-z\"").unwrap();
    assert_eq!(command, is("from-a-command", "set, by a command"));

    let both = [
        ("CODECOURIER_SMTP_PASSWORD", "a"),
        ("CODECOURIER_SMTP_PASSWORD_FILE", text),
    ];
    assert!(password(&both, "").unwrap_err().message.contains("more than one way"));
    let failing = password(&[], "[smtp]\npassword_command = \"echo canary; exit 3\"").unwrap_err();
    assert!(
        failing.message.contains("smtp.password") && !failing.message.contains("canary"),
        "{failing:?}"
    );
    let missing = password(&[("CODECOURIER_SMTP_PASSWORD_FILE", "/nonexistent/x")], "").unwrap_err();
    assert!(missing.message.contains("/nonexistent/x"), "{}", missing.message);
}

#[test]
fn the_data_directory_has_its_usual_places() {
    let place = |variables: &[(&str, &str)]| read(variables).unwrap().data_directory;
    assert_eq!(place(&[("HOME", "/h")]), Path::new("/h/.local/share/codecourier"));
    assert_eq!(
        place(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]),
        Path::new("/x/codecourier")
    );
    assert_eq!(
        place(&[("HOME", "/h"), ("XDG_DATA_HOME", "relative")]),
        Path::new("/h/.local/share/codecourier")
    );
    assert_eq!(
        place(&[("HOME", "/h"), ("CODECOURIER_DATA_DIR", "/d")]),
        Path::new("/d")
    );
}

#[test]
fn a_key_is_found_and_never_shown() {
    let config = read(&[
        ("HOME", "/h"),
        ("ANTHROPIC_API_KEY", " sk-ant-canary "),
        ("ANTHROPIC_AUTH_TOKEN", "t0ken-canary"),
    ])
    .unwrap();
    assert_eq!(config.key().unwrap().unwrap().0, KeyOrigin::ApiKey);
    assert!(!format!("{config:?}").contains("canary"));
    assert_eq!(config.secrets.texts(), ["sk-ant-canary", "t0ken-canary"]);
    assert!(read(&[("HOME", "/h")]).unwrap().key().unwrap().is_none());
}

#[test]
fn each_provider_has_its_own_key_and_place() {
    let config = read(&[
        ("HOME", "/h"),
        ("OPENAI_API_KEY", "sk-openai-canary"),
        ("OPENROUTER_API_KEY", "sk-or-canary"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1"),
    ])
    .unwrap();
    let keys = config.model_keys().unwrap();
    let has = |provider| keys.of(provider).is_some();
    assert!(has(Provider::Openai) && has(Provider::Openrouter) && !has(Provider::Anthropic));
    assert!(!format!("{keys:?}{config:?}").contains("canary"));
    let gateway = config.gateway().unwrap();
    assert_eq!(gateway.base_url(Provider::Openai), "http://127.0.0.1:11434");
    assert_eq!(gateway.base_url(Provider::Openrouter), "https://openrouter.ai");
    let local = read(&[("HOME", "/h"), ("OPENAI_BASE_URL", "http://127.0.0.1:11434")]).unwrap();
    assert!(
        local.model_keys().unwrap().of(Provider::Openai).is_some(),
        "a local model needs no key"
    );
    assert!(local.model_keys().unwrap().of(Provider::Openrouter).is_none());
}

#[test]
fn a_base_url_is_brought_into_shape_or_refused() {
    let url = |text| read(&[("HOME", "/h"), ("ANTHROPIC_BASE_URL", text)]);
    assert_eq!(
        url("http://127.0.0.1:9/v1/").unwrap().anthropic_base_url.as_deref(),
        Some("http://127.0.0.1:9")
    );
    assert!(url("ftp://x").is_err());
    let problem = url("https://user:canary@host").unwrap_err();
    assert!(!problem.message.contains("canary"));
}

#[test]
fn the_proxy_is_for_hosts_outside() {
    let proxy = |variables: &[(&str, &str)]| {
        let mut all = vec![("HOME", "/h")];
        all.extend_from_slice(variables);
        let proxy = read(&all).unwrap().outbound_proxy;
        proxy.map(|address| address.expose_secret().to_owned())
    };
    let set = ("HTTPS_PROXY", "http://proxy:3128");
    assert_eq!(proxy(&[set]).as_deref(), Some("http://proxy:3128"));
    assert_eq!(proxy(&[set, ("NO_PROXY", "localhost, .anthropic.com")]), None);
    assert_eq!(proxy(&[set, ("ANTHROPIC_BASE_URL", "https://localhost:1")]), None);
}

#[test]
fn the_way_out_of_a_login_goes_by_the_same_proxy_but_for_the_hosts_that_are_excepted() {
    let proxies = |variables: &[(&str, &str)]| {
        let mut all = vec![("HOME", "/h")];
        all.extend_from_slice(variables);
        read(&all)
            .and_then(|config| config.gateway())
            .map(|gateway| gateway.egress.proxies)
    };
    let login: Destination = "api.anthropic.com:443".parse().unwrap();
    let set = ("HTTPS_PROXY", "http://me:canary@proxy:3128");
    let found = proxies(&[set]).unwrap();
    assert_eq!(found[&login].to_string(), "http://proxy:3128");
    assert!(!format!("{found:?}").contains("canary"));
    // Where a model of one's own is asked says nothing of where the login goes.
    let with_own_model = proxies(&[set, ("ANTHROPIC_BASE_URL", "http://localhost:1")]).unwrap();
    assert!(with_own_model.contains_key(&login));
    assert!(proxies(&[]).unwrap().is_empty());
    assert!(proxies(&[set, ("NO_PROXY", ".anthropic.com")]).unwrap().is_empty());
    let problem = proxies(&[("HTTPS_PROXY", "http://me:canary@:1")]).unwrap_err();
    assert!(!problem.message.contains("canary"), "{}", problem.message);
}

#[test]
fn colours_follow_the_usual_variables() {
    let wish = |variables: &[(&str, &str)]| {
        let mut all = vec![("HOME", "/h")];
        all.extend_from_slice(variables);
        read(&all).unwrap().colours
    };
    assert_eq!(wish(&[]), ColourWish::Automatic);
    assert_eq!(wish(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), ColourWish::Never);
    assert_eq!(wish(&[("CLICOLOR_FORCE", "1")]), ColourWish::Always);
}
