//! `codecourier config`: what counts, and why, from the outside.

use crate::spawn::{codecourier, codecourier_with};

#[test]
fn each_setting_is_explained_and_no_secret_is_shown() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(
        place.path().join("config.toml"),
        "[server]\nlisten = \"0.0.0.0:80\"\n[smtp]\npassword_file = \"smtp-password\"\n",
    )
    .unwrap();
    std::fs::write(place.path().join("smtp-password"), "canary-in-a-file\n").unwrap();
    let environment = [
        ("ANTHROPIC_API_KEY", "canary-in-the-environment"),
        ("CODECOURIER_ACCOUNTS_SIGN_UP", "closed"),
        ("CODECOURIER_SERVER_LISTN", "x"),
    ];
    let arguments = ["config", "explain", "--set", "runs.work_places=9"];
    let explained = codecourier_with(place.path(), &arguments, &environment, "");
    assert_eq!(explained.code, 0, "{}", explained.stderr);
    let file = place.path().join("config.toml").display().to_string();
    for (name, value, source) in [
        ("server.listen", "0.0.0.0:80", file.as_str()),
        ("accounts.sign_up", "closed", "CODECOURIER_ACCOUNTS_SIGN_UP"),
        ("runs.work_places", "9", "--set"),
        ("models.anthropic_api_key", "set", "ANTHROPIC_API_KEY"),
        ("smtp.password", "set, in the file", &file),
        ("smtp.port", "587", ""),
        ("data_dir", "", "CODECOURIER_DATA_DIR"),
    ] {
        let lines = &mut explained.stdout.lines();
        let line = lines.find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        assert!(line.contains(value) && line.ends_with(source), "{line}");
    }
    assert!(explained.stdout.contains("CODECOURIER_SERVER_LISTEN may be meant"));
    let json = codecourier_with(place.path(), &["config", "explain", "--json"], &environment, "");
    let lines = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let port = lines.into_iter().find(|line| line["name"] == "smtp.port").unwrap();
    assert_eq!((&port["value"], &port["source"]), (&"587".into(), &"default".into()));
    for printed in [&explained, &json] {
        assert!(!printed.stdout.contains("canary") && !printed.stderr.contains("canary"));
    }
}

#[test]
fn the_example_is_a_configuration() {
    let place = tempfile::tempdir().unwrap();
    let example = codecourier(place.path(), &["config", "example"]);
    assert_eq!(example.code, 0);
    let path = place.path().join("elsewhere.toml");
    std::fs::write(&path, &example.stdout).unwrap();
    let arguments = ["config", "explain", "--config", path.to_str().unwrap()];
    let explained = codecourier(place.path(), &arguments);
    assert_eq!(explained.code, 0, "{}", explained.stderr);
    assert!(explained.stdout.contains("elsewhere.toml"));
}

#[test]
fn a_configuration_that_is_not_understood_stops_every_verb() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("config.toml"), "[server]\nlissten = \"x\"\n").unwrap();
    for arguments in [["serve"].as_slice(), &["runs"], &["config", "explain"]] {
        codecourier(place.path(), arguments).refused(
            2,
            &["`server.lissten`", "`server.listen` may be meant", "config example"],
        );
    }
    let arguments = ["runs", "--config", "/nonexistent/c.toml"];
    codecourier(place.path(), &arguments).refused(2, &["no configuration at /nonexistent/c.toml"]);
}

#[test]
fn the_command_of_an_agent_is_a_list_of_words_and_agents_say_whether_they_can_work() {
    let place = tempfile::tempdir().unwrap();
    let config = "[agents]\nacp_command = [\"my-agent\", \"--modes\", \"a,b\"]\nacp_template = \"pi\"\nacp_environment = \
                  [\"MODE=careful\"]\n";
    std::fs::write(place.path().join("config.toml"), config).unwrap();
    let explained = codecourier(place.path(), &["config", "explain"]);
    for words in [r#"["my-agent","--modes","a,b"]"#, "MODE=careful", "agents.acp_template"] {
        assert!(explained.stdout.contains(words), "{words}: {}", explained.stdout);
    }
    let environment = [("OPENAI_API_KEY", "canary-key")];
    let listed = codecourier_with(place.path(), &["agents", "--json"], &environment, "");
    let agents: Vec<serde_json::Value> = listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["agent"].clone())
        .collect();
    let states: Vec<_> = agents
        .iter()
        .map(|agent| (agent["id"].as_str().unwrap(), agent["available"].as_bool().unwrap()))
        .collect();
    let expected = [
        ("claude", false),
        ("opencode", true),
        ("codex", true),
        ("pi", true),
        ("acp", true),
    ];
    assert_eq!(states, expected, "{}", listed.stderr);
    assert_eq!(agents[0]["problem"], "There is no key for Anthropic.");
    assert_eq!(agents[4]["template"], "pi");
    let one = codecourier_with(place.path(), &["agents", "codex"], &environment, "");
    assert!(
        one.stdout.contains("gpt-5.5") && one.stdout.contains("use commands"),
        "{}",
        one.stdout
    );
    assert!(!one.stdout.contains("canary") && !listed.stdout.contains("canary"));

    std::fs::write(
        place.path().join("config.toml"),
        "[agents]\nacp_command = \"my-agent --acp\"\n",
    )
    .unwrap();
    let refused = codecourier(place.path(), &["agents"]);
    assert_ne!(refused.code, 0);
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("a program and its arguments as a list"), "{said}");
}
