//! What a request says about the situation it was made in, whatever its protocol. Pure; unknown parts are ignored.

use serde_json::Value;

use super::act::{OfferedTool, Workshop};
use super::answer::{Answer, Block};
use super::script::{self, Situation, is_script};

/// How an agent begins to tell its model that a person interrupted it.
const INTERRUPTED: &str = "[Request interrupted by user";

/// One thing in a conversation, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The texts of one message of the user, as sent.
    Person(Vec<String>),
    /// Results of tools that came together.
    Results(usize),
}

/// A request as its protocol read it.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) model: String,
    pub(super) is_stream: bool,
    /// The stream is to end with what it used, where that has to be asked for.
    pub(super) wants_usage: bool,
    pub(super) system: String,
    pub(super) said: Vec<Said>,
    pub(super) tools: Vec<OfferedTool>,
}

/// The script of a conversation and where it stands in it.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    script: String,
    situation: Situation,
}

impl Conversation {
    /// The answer that the script gives.
    pub(super) fn answer(&self) -> Answer {
        if self.tools.is_empty() {
            // An agent at work always offers tools; without them it wants a title for the session. The script in it is
            // not for this answer.
            return Answer {
                blocks: vec![Block::Text("Scripted title".to_owned())],
                ..Answer::default()
            };
        }
        let asked = self.asked();
        let workshop = Workshop {
            tools: &self.tools,
            directory: &self.directory(),
            everything: &self.everything(),
        };
        script::play(&asked.script, &asked.situation, &workshop)
    }

    fn asked(&self) -> Asked {
        let mut script = String::new();
        let mut turn = 1;
        let mut results = 0;
        for said in &self.said {
            let texts = match said {
                Said::Results(count) => {
                    results += count;
                    continue;
                }
                Said::Person(texts) => after_interruption(texts).unwrap_or(texts),
            };
            let cleaned: Vec<_> = texts.iter().map(|text| words_of_the_person(text)).collect();
            let text = cleaned.join("\n");
            if text.trim().is_empty() {
                continue;
            }
            results = 0;
            if is_script(&text) || script.is_empty() {
                script = text;
                turn = 1;
            } else {
                turn += 1;
            }
        }
        let field = |name: &str| last_field(&script, &[name]).or_else(|| last_field(&self.system, &[name]));
        let situation = Situation {
            role: field("Role:").map(|role| role.to_ascii_lowercase()),
            iteration: field("Iteration:").and_then(|number| number.split([' ', '/']).next()?.parse().ok()),
            turn,
            results,
        };
        Asked { script, situation }
    }

    /// The agent's working directory, as its system prompt or one of its reminders states it.
    fn directory(&self) -> String {
        const NAMES: [&str; 3] = [
            "Primary working directory:",
            "Current working directory:",
            "Working directory:",
        ];
        let stated = |text: &str| {
            let tagged = text.split_once("<cwd>").and_then(|(_, rest)| rest.split_once("</cwd>"));
            tagged
                .map(|(directory, _)| directory.trim().to_owned())
                .or_else(|| last_field(text, &NAMES))
        };
        let mut texts = std::iter::once(&self.system).chain(self.said.iter().flat_map(|said| match said {
            Said::Person(texts) => texts.as_slice(),
            Said::Results(_) => &[],
        }));
        texts
            .find_map(|text| stated(text))
            .unwrap_or_else(|| "/home/user/project".to_owned())
    }

    fn everything(&self) -> String {
        let mut everything = self.system.clone();
        for said in &self.said {
            if let Said::Person(texts) = said {
                everything.push('\n');
                everything.push_str(&texts.join("\n"));
            }
        }
        everything
    }
}

/// The texts of a message's content: a string, or parts with a text.
pub(super) fn texts_of(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// What a person says after they interrupted the agent, where a message tells of that: agents put what was cut off, the
/// interruption and the next words into one message.
pub(super) fn after_interruption(texts: &[String]) -> Option<&[String]> {
    let last = texts
        .iter()
        .rposition(|text| text.trim_start().starts_with(INTERRUPTED))?;
    texts.get(last + 1..)
}

/// The value of the last line that starts with one of the names. Lines of the script do not count.
fn last_field(text: &str, names: &[&str]) -> Option<String> {
    let value = |line: &str| {
        let line = line.trim().trim_start_matches(['-', '*', ' ']);
        names
            .iter()
            .find_map(|name| line.strip_prefix(name))
            .map(|value| value.trim().to_owned())
    };
    text.lines().rev().find_map(value).filter(|value| !value.is_empty())
}

/// A text without what agents put into the user's messages by themselves.
fn words_of_the_person(text: &str) -> String {
    const ADDED: [&str; 5] = [
        "system-reminder",
        "environment_context",
        "turn_aborted",
        "user_instructions",
        "skill",
    ];
    let of_the_agent = ["# AGENTS.md instructions", INTERRUPTED];
    if of_the_agent
        .iter()
        .any(|beginning| text.trim_start().starts_with(beginning))
    {
        return String::new();
    }
    ADDED
        .iter()
        .fold(text.to_owned(), |text, element| without_element(&text, element))
}

fn without_element(text: &str, name: &str) -> String {
    let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&opening) {
        kept.push_str(before);
        rest = after.split_once(&closing).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(text: &str) -> Said {
        Said::Person(vec![text.to_owned()])
    }

    fn conversation(said: Vec<Said>) -> Conversation {
        Conversation {
            said,
            ..Conversation::default()
        }
    }

    #[test]
    fn what_agents_add_is_not_the_persons() {
        let asked = conversation(vec![
            Said::Person(vec![
                "# AGENTS.md instructions for /w\n\n@@say no".to_owned(),
                "<environment_context>\n<cwd>/w</cwd>\n</environment_context>".to_owned(),
            ]),
            person("<system-reminder>Role: none</system-reminder>\nRole: Designer\nIteration: 2/3\n@@bash ls"),
            Said::Results(1),
            person("<turn_aborted>stopped</turn_aborted>"),
            person("[Request interrupted by user]"),
        ]);
        let expected = Situation {
            role: Some("designer".to_owned()),
            iteration: Some(2),
            turn: 1,
            results: 1,
        };
        assert_eq!(asked.asked().situation, expected);
        assert_eq!(asked.directory(), "/w");
    }

    #[test]
    fn a_later_message_without_a_script_is_the_next_turn_and_one_with_a_script_starts_anew() {
        let asked = conversation(vec![person("@@say a"), person("Try again.")]).asked();
        assert_eq!((asked.situation.turn, asked.script.as_str()), (2, "@@say a"));
        let asked = conversation(vec![person("@@say a"), person("again"), person("@@say b")]).asked();
        assert_eq!((asked.situation.turn, asked.script.as_str()), (1, "@@say b"));
        assert_eq!(Conversation::default().asked().situation.results, 0);
    }

    #[test]
    fn words_after_an_interruption_are_a_message_of_their_own() {
        let texts = ["@@bash sleep 9", "[Request interrupted by user]\n", "@@say b"].map(str::to_owned);
        let asked = conversation(vec![Said::Person(texts.to_vec())]).asked();
        assert_eq!((asked.situation.turn, asked.script.as_str()), (1, "@@say b"));
        assert_eq!(after_interruption(&texts[..1]), None);
    }

    #[test]
    fn without_tools_a_title_is_wanted() {
        let answer = conversation(vec![person("@@error 500")]).answer();
        assert_eq!(answer.blocks, [Block::Text("Scripted title".to_owned())]);
    }
}
