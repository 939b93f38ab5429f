//! Keeps docs/operating.md and the README true: what they say of settings, commands, variables, addresses and errors is
//! looked up in the program itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, Parser as _};

use crate::cli::Cli;
use crate::config::file::ConfigFile;
use crate::config::settings::{ALIASES, SECTIONS, SETTINGS};
use crate::config::table::Kind;

/// Variables that are no settings.
const OTHER_VARIABLES: [&str; 5] = [
    "CODECOURIER_CONFIG",
    "CODECOURIER_DATA_DIR",
    "CODECOURIER_URL",
    "CODECOURIER_API_KEY",
    "CODECOURIER_PROJECT",
];

struct Page {
    name: &'static str,
    text: String,
}

/// A fenced block: its language and its lines.
struct Block {
    language: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages() -> [Page; 2] {
    ["docs/operating.md", "README.md"].map(|name| Page {
        name,
        text: std::fs::read_to_string(root().join(name)).unwrap(),
    })
}

impl Page {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for line in self.text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some(Block {
                        language: language.to_owned(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block without an end", self.name);
        blocks
    }

    /// What is set between backquotes outside of blocks.
    fn inline(&self) -> Vec<String> {
        let outside = self.text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
        outside.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Every `codecourier …` command of its shell blocks, as words.
    fn commands(&self) -> Vec<Vec<String>> {
        let mut commands = Vec::new();
        for block in self.blocks().iter().filter(|block| block.language == "console") {
            for line in block.text.replace("\\\n", " ").lines() {
                let Some(command) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")) else {
                    continue;
                };
                commands.extend(command_of(command));
            }
        }
        commands
    }
}

/// The words of a command line that runs this program, without what the shell takes from it.
fn command_of(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    for character in line.chars().chain([' ']) {
        match (quote, character) {
            (Some(end), _) if character == end => quote = None,
            (Some(_), _) => word.push(character),
            (None, '"' | '\'') => (quote, is_word) = (Some(character), true),
            (None, ' ') => {
                if is_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            (None, _) => word.push(character),
        }
    }
    let end = words
        .iter()
        .position(|word| matches!(word.as_str(), ">" | "<" | "|" | "#" | "&&"));
    words.truncate(end.unwrap_or(words.len()));
    let program = words
        .iter()
        .position(|word| word.rsplit('/').next() == Some("codecourier"))?;
    let is_start = words[..program].iter().all(|word| word.contains('='));
    is_start.then(|| words.split_off(program))
}

/// A text with placeholders is a command as soon as its words are.
fn assert_parses(words: &[String], page: &str, may_be_cut: bool) {
    if let Err(error) = Cli::try_parse_from(words) {
        let is_whole_enough = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => may_be_cut,
            _ => false,
        };
        assert!(is_whole_enough, "{page}: `{}`: {error}", words.join(" "));
    }
}

/// Every name that a configuration file may have.
fn names() -> BTreeSet<String> {
    let names = SETTINGS.iter().flat_map(|setting| match setting.kind {
        Kind::Value | Kind::Optional => vec![setting.name.to_owned()],
        Kind::Secret => ["", "_file", "_command"]
            .map(|end| format!("{}{end}", setting.name))
            .to_vec(),
    });
    names.collect()
}

#[test]
fn every_configuration_on_the_pages_is_one() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language == "toml") {
            count += 1;
            if let Err(problem) = ConfigFile::parse(Path::new("/page.toml"), &block.text) {
                panic!("{}: {}\n{}", page.name, problem.message, block.text);
            }
        }
    }
    assert!(count >= 5, "{count} blocks");
}

#[test]
fn every_command_on_the_pages_is_understood() {
    let mut count = 0;
    for page in pages() {
        for words in page.commands() {
            count += 1;
            assert_parses(&words, page.name, false);
        }
        for text in page.inline() {
            if let Some(words) = command_of(&text).filter(|words| words.len() > 1) {
                count += 1;
                assert_parses(&words, page.name, true);
            }
        }
        // A unit starts it, too.
        for block in page.blocks().iter().filter(|block| block.language == "ini") {
            let starts = block.text.lines().filter_map(|line| line.strip_prefix("ExecStart="));
            for words in starts.filter_map(command_of) {
                count += 1;
                assert_parses(&words, page.name, false);
            }
        }
    }
    assert!(count >= 25, "{count} commands");
}

#[test]
fn every_setting_variable_and_flag_on_the_pages_exists() {
    let names = names();
    let sections: BTreeSet<&str> = SECTIONS
        .iter()
        .map(|(name, _)| name.split('.').next().unwrap())
        .collect();
    let variables: BTreeSet<String> = names
        .iter()
        .map(|name| format!("CODECOURIER_{}", name.to_uppercase().replace('.', "_")))
        .chain(OTHER_VARIABLES.map(str::to_owned))
        .chain(ALIASES.iter().map(|(_, variable)| (*variable).to_owned()))
        .collect();
    let mut flags = BTreeSet::new();
    collect_flags(&Cli::command(), &mut flags);
    let mut count = 0;
    for page in pages() {
        for text in page.inline().iter().flat_map(|text| text.split([' ', '=', ','])) {
            let is_name = |text: &str| {
                let mut parts = text.split('.');
                parts.next().is_some_and(|first| sections.contains(first)) && parts.next().is_some()
            };
            if is_name(text) && !text.contains(['/', '(']) {
                let is_known = match text.strip_suffix(".*") {
                    Some(section) => names.iter().any(|name| name.starts_with(&format!("{section}."))),
                    None => names.contains(text) || names.iter().any(|name| name.starts_with(&format!("{text}."))),
                };
                assert!(is_known, "{}: there is no setting `{text}`", page.name);
                count += 1;
            }
            if text.starts_with("--") && text.len() > 2 {
                let is_known = flags.contains(&text[2..]);
                assert!(is_known, "{}: there is no flag `{text}`", page.name);
                count += 1;
            }
        }
        let is_part =
            |character: char| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_';
        for word in page.text.split(|character| !is_part(character)) {
            if word.starts_with("CODECOURIER_") && word.len() > "CODECOURIER_".len() {
                assert!(variables.contains(word), "{}: there is no variable {word}", page.name);
                count += 1;
            }
        }
    }
    assert!(count >= 25, "{count} names");
}

fn collect_flags(command: &Command, flags: &mut BTreeSet<String>) {
    let longs = command.get_arguments().filter_map(|argument| argument.get_long());
    flags.extend(longs.map(str::to_owned));
    flags.extend(["help", "version"].map(str::to_owned));
    for subcommand in command.get_subcommands() {
        collect_flags(subcommand, flags);
    }
}

#[test]
fn every_link_and_every_address_on_the_pages_leads_somewhere() {
    let api: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("openapi.json")).unwrap()).unwrap();
    let routes: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
    let mut count = 0;
    for page in pages() {
        let directory = root().join(page.name);
        let directory = directory.parent().unwrap();
        for link in page.text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if !target.contains("://") {
                let target = target.split('#').next().unwrap();
                assert!(directory.join(target).exists(), "{}: {target} is not there", page.name);
                count += 1;
            }
        }
        for part in page.text.split("/api/v1/").skip(1) {
            let end = part.find(|character: char| !(character.is_ascii_alphanumeric() || "-_/".contains(character)));
            let path = format!("/api/v1/{}", &part[..end.unwrap_or(part.len())]);
            let is_known = routes.iter().any(|route| fits(route, path.trim_end_matches('/')));
            assert!(is_known, "{}: there is no route {path}", page.name);
            count += 1;
        }
    }
    assert!(count >= 15, "{count} links and addresses");
}

/// Whether a path begins as a route does; placeholders in capitals or braces fit anything.
fn fits(route: &str, path: &str) -> bool {
    let (mut route, path) = (route.split('/'), path.split('/'));
    path.into_iter().all(|part| {
        route
            .next()
            .is_some_and(|expected| expected == part || expected.starts_with('{'))
    })
}

#[test]
fn the_proxies_on_the_page_reach_the_server_where_it_listens() {
    let listen = SETTINGS.iter().find(|setting| setting.name == "server.listen").unwrap();
    let [operating, _] = pages();
    let of = |language: &str| {
        let mut blocks = operating.blocks().into_iter();
        blocks.find(|block| block.language == language).unwrap().text
    };
    let nginx = of("nginx");
    assert!(nginx.contains(&format!("proxy_pass http://{};", listen.text)));
    assert!(of("").contains(&format!("reverse_proxy {} {{", listen.text)));
    for directive in [
        "proxy_http_version 1.1;",
        "proxy_buffering off;",
        "Upgrade $http_upgrade;",
        "Connection $connection_upgrade;",
        "X-Forwarded-For $proxy_add_x_forwarded_for;",
        "X-Forwarded-Proto $scheme;",
        "map $http_upgrade $connection_upgrade",
    ] {
        assert!(nginx.contains(directive), "{directive}");
    }
    for bracket in ['{', '}'] {
        assert_eq!(nginx.matches(bracket).count(), 3, "{bracket}");
    }
    // Agents outlive the server only with this.
    assert!(of("ini").contains("KillMode=process") && of("ini").contains("Type=notify"));
}
