//! The script's lines, and which of them a request plays. Pure.

use serde_json::{Value, json};

use super::act::{Act, Workshop};
use super::answer::{Answer, Block, Ending, Failure, FailureKind, Usage};

/// What a request is, as far as a script can ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Situation {
    pub(super) role: Option<String>,
    pub(super) iteration: Option<u32>,
    /// Messages of the user from the scripted one on, from 1.
    pub(super) turn: u32,
    /// Tool results since the user's last message.
    pub(super) results: usize,
}

/// One line of a script, or a line with its block.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Say(String),
    Think(String),
    Call { act: Act, shares_answer: bool },
    Ending(Ending),
    Flaky(String),
    Slow(u64),
    Usage(Usage),
    Stop(String),
}

#[derive(Debug, Default)]
struct Section {
    role: Option<String>,
    iteration: Option<u32>,
    turn: Option<u32>,
    is_conditional: bool,
    items: Vec<Item>,
}

/// Whether a text holds a script.
pub(super) fn is_script(text: &str) -> bool {
    text.lines().any(|line| command(line).is_some())
}

/// The answer that a script gives in a situation.
pub(super) fn play(text: &str, situation: &Situation, workshop: &Workshop<'_>) -> Answer {
    let sections = parse(text);
    let fitting = sections
        .iter()
        .find(|section| section.is_conditional && section.fits(situation));
    let unconditional = sections
        .iter()
        .find(|section| !section.is_conditional && situation.turn == 1);
    let items = fitting.or(unconditional).map_or(&[][..], |section| &section.items);
    answer(items, situation.results, workshop)
}

impl Section {
    fn fits(&self, situation: &Situation) -> bool {
        (self.role.is_none() || self.role == situation.role)
            && (self.iteration.is_none() || self.iteration == situation.iteration)
            && self.turn.unwrap_or(1) == situation.turn
    }
}

/// The answer after that many tool results: everything from the last call made to the next one, it included.
fn answer(items: &[Item], results: usize, workshop: &Workshop<'_>) -> Answer {
    let mut answer = Answer::default();
    let mut calls = 0;
    let mut goes_on = false;
    for item in items {
        let is_now = calls == results || goes_on;
        match item {
            Item::Call { act, shares_answer } => {
                calls += 1;
                if !is_now {
                    continue;
                }
                answer.blocks.push(match workshop.call(act) {
                    Ok(call) => Block::Call(call),
                    Err(excuse) => Block::Text(excuse),
                });
                if !shares_answer {
                    return answer;
                }
                goes_on = true;
            }
            // Usage holds from its line on, also for the answers after later calls.
            Item::Usage(usage) if calls <= results => answer.usage = *usage,
            Item::Usage(_) => {}
            _ if !is_now => {}
            Item::Say(text) => answer.blocks.push(Block::Text(text.clone())),
            Item::Think(text) => answer.blocks.push(Block::Thinking(text.clone())),
            Item::Ending(ending) => answer.ending = ending.clone(),
            Item::Flaky(component) => answer.flaky = Some(component.clone()),
            Item::Slow(milliseconds) => answer.slow_ms = *milliseconds,
            Item::Stop(reason) => answer.stop = Some(reason.clone()),
        }
    }
    if answer.blocks.is_empty() {
        answer.blocks.push(Block::Text("Done.".to_owned()));
    }
    answer
}

/// The command of a line, without its `@@`.
fn command(line: &str) -> Option<&str> {
    line.trim_start_matches([' ', '\t', '>'])
        .strip_prefix("@@")
        .map(str::trim_end)
}

fn parse(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(line) = command(line) else { continue };
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let (head, block) = match rest.strip_suffix("<<<") {
            Some(head) => (head.trim(), Some(read_block(&mut lines))),
            None => (rest, None),
        };
        match word {
            "when" => sections.push(conditional(head)),
            "end" => sections.push(Section::default()),
            _ => {
                let Some(item) = item(word, head, block) else {
                    continue;
                };
                let current = sections.last_mut();
                if let Some(section) = current {
                    section.items.push(item);
                }
            }
        }
    }
    merge_unconditional(sections)
}

/// Lines outside of sections are one script, wherever they stand.
fn merge_unconditional(sections: Vec<Section>) -> Vec<Section> {
    let mut outside = Section::default();
    let mut conditional = Vec::new();
    for section in sections {
        if section.is_conditional {
            conditional.push(section);
        } else {
            outside.items.extend(section.items);
        }
    }
    conditional.push(outside);
    conditional
}

fn read_block(lines: &mut std::str::Lines<'_>) -> String {
    let mut block = String::new();
    for line in lines.by_ref() {
        if line.trim() == ">>>" {
            break;
        }
        block.push_str(line);
        block.push('\n');
    }
    block
}

fn conditional(conditions: &str) -> Section {
    let mut section = Section {
        is_conditional: true,
        ..Section::default()
    };
    for condition in conditions.split_whitespace() {
        match condition.split_once('=') {
            Some(("role", role)) => section.role = Some(role.to_ascii_lowercase()),
            Some(("iteration", number)) => section.iteration = number.parse().ok(),
            Some(("turn", number)) => section.turn = number.parse().ok(),
            _ => {}
        }
    }
    section
}

fn item(word: &str, head: &str, block: Option<String>) -> Option<Item> {
    let (word, shares_answer) = word.strip_suffix('+').map_or((word, false), |word| (word, true));
    let call = |act: Act| Item::Call { act, shares_answer };
    let text = || block.clone().unwrap_or_else(|| head.to_owned());
    Some(match word {
        "say" => Item::Say(text()),
        "think" => Item::Think(text()),
        "bash" | "run" => call(Act::Run(text())),
        "write" => {
            let (path, content) = match (block, head.split_once("<<<")) {
                (Some(block), _) => (head, block),
                (None, Some((path, content))) => (path.trim(), format!("{}\n", content.trim())),
                (None, None) => (head, String::new()),
            };
            call(Act::Write {
                path: path.to_owned(),
                content,
            })
        }
        "read" => call(Act::Read(head.to_owned())),
        "skill" => call(Act::Skill(head.to_owned())),
        "plan" => call(Act::Plan(
            head.split('|').map(|entry| entry.trim().to_owned()).collect(),
        )),
        "mcp" => {
            let mut words = head.splitn(3, char::is_whitespace);
            let (server, tool) = (words.next()?.to_owned(), words.next()?.to_owned());
            let input = arguments(block.as_deref().or(words.next()).unwrap_or("{}"));
            call(Act::Mcp { server, tool, input })
        }
        "tool" => {
            let (name, input) = head.split_once(char::is_whitespace).unwrap_or((head, "{}"));
            call(Act::Tool {
                name: name.to_owned(),
                input: arguments(block.as_deref().unwrap_or(input)),
            })
        }
        "error" => Item::Ending(Ending::Error(failure(head)?)),
        "overflow" => Item::Ending(Ending::Error(Failure::of_kind(FailureKind::ContextOverflow))),
        "policy" => Item::Ending(Ending::Error(Failure::of_kind(FailureKind::ContentPolicy))),
        "quota" => Item::Ending(Ending::Error(Failure::of_kind(FailureKind::Quota))),
        "stream-error" => {
            let (kind, message) = head.split_once(char::is_whitespace).unwrap_or((head, "scripted"));
            Item::Ending(Ending::StreamError {
                kind: kind.to_owned(),
                message: message.to_owned(),
            })
        }
        "cut" => Item::Ending(Ending::Cut),
        "hang" => Item::Ending(Ending::Hang),
        "hang-stream" => Item::Ending(Ending::HangStream),
        "flaky" => Item::Flaky(head.to_owned()),
        "bigline" => Item::Ending(Ending::BigLine(head.parse().ok()?)),
        "slow" => Item::Slow(head.parse().ok()?),
        "stop" => Item::Stop(head.to_owned()),
        "usage" => Item::Usage(usage(head)),
        _ => return None,
    })
}

fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({"unparsable": text}))
}

/// `STATUS [SECONDS] [MESSAGE]`.
fn failure(head: &str) -> Option<Failure> {
    let mut words = head.splitn(3, char::is_whitespace);
    let status = words.next()?.parse().ok()?;
    let second = words.next().unwrap_or_default();
    let rest = words.next().unwrap_or_default();
    let retry_after = second.parse().ok();
    let message = if retry_after.is_some() {
        rest.to_owned()
    } else {
        format!("{second} {rest}").trim().to_owned()
    };
    Some(Failure {
        status,
        message,
        retry_after,
        ..Failure::default()
    })
}

fn usage(head: &str) -> Usage {
    let mut usage = Usage::default();
    for (name, number) in head.split_whitespace().filter_map(|field| field.split_once('=')) {
        let Ok(number) = number.parse() else { continue };
        match name {
            "input" => usage.input = number,
            "output" => usage.output = number,
            "cache_read" => usage.cache_read = number,
            "cache_write_5m" => usage.cache_write_5m = number,
            "cache_write_1h" => usage.cache_write_1h = number,
            "reasoning" => usage.reasoning = number,
            "cost" => usage.cost_micro_usd = Some(number),
            _ => {}
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::super::act::{OfferedTool, ToolCall, ToolInput};
    use super::*;

    fn situation(results: usize) -> Situation {
        Situation {
            turn: 1,
            results,
            ..Situation::default()
        }
    }

    fn call(name: &str, input: Value) -> Block {
        Block::Call(ToolCall {
            name: name.to_owned(),
            namespace: None,
            input: ToolInput::Json(input),
        })
    }

    /// Plays for an agent with Claude Code's tools.
    fn play(script: &str, situation: &Situation) -> Answer {
        let schema = json!({"properties": {"command": {}, "description": {}}});
        let tools = ["Bash", "Write"].map(|name| OfferedTool::function(&json!(name), &schema));
        let workshop = Workshop {
            tools: &tools,
            directory: "/home/user/project",
            everything: "",
        };
        super::play(script, situation, &workshop)
    }

    #[test]
    fn one_call_per_answer_then_the_last_words() {
        let script =
            "Please:\n@@think Hm.\n@@say I write.\n@@write a/b.txt <<< hello\n  > @@bash cargo test\n@@say All done.";
        let blocks = |results| play(script, &situation(results)).blocks;
        assert_eq!(
            blocks(0),
            [
                Block::Thinking("Hm.".to_owned()),
                Block::Text("I write.".to_owned()),
                call(
                    "Write",
                    json!({"file_path": "/home/user/project/a/b.txt", "content": "hello\n"})
                ),
            ]
        );
        assert_eq!(
            blocks(1),
            [call(
                "Bash",
                json!({"command": "cargo test", "description": "Run a scripted command"})
            )]
        );
        assert_eq!(blocks(2), [Block::Text("All done.".to_owned())]);
        assert_eq!(blocks(9), [Block::Text("Done.".to_owned())]);
        assert_eq!(
            play("no script", &situation(0)).blocks,
            [Block::Text("Done.".to_owned())]
        );
    }

    #[test]
    fn blocks_keep_their_lines_and_calls_can_share_an_answer() {
        let script = "@@write+ /x <<<\none\n  two\n>>>\n@@tool Read {\"file_path\": \"/x\"}\n@@bash <<<\nls\npwd\n>>>";
        assert_eq!(
            play(script, &situation(0)).blocks,
            [
                call("Write", json!({"file_path": "/x", "content": "one\n  two\n"})),
                call("Read", json!({"file_path": "/x"})),
            ]
        );
        assert_eq!(
            play(script, &situation(2)).blocks,
            [call(
                "Bash",
                json!({"command": "ls\npwd\n", "description": "Run a scripted command"})
            )]
        );
    }

    #[test]
    fn one_prompt_scripts_roles_iterations_and_turns() {
        let script = "@@say outside\n@@when role=designer iteration=1\n@@say first\n@@when role=designer\n@@say later\n\
                      @@when role=checker turn=2\n@@say again\n@@end\n@@say still outside";
        let said = |role: &str, iteration: u32, turn: u32| {
            let situation = Situation {
                role: Some(role.to_owned()),
                iteration: Some(iteration),
                turn,
                ..situation(0)
            };
            play(script, &situation).blocks
        };
        let text = |text: &str| Block::Text(text.to_owned());
        assert_eq!(said("designer", 1, 1), [text("first")]);
        assert_eq!(said("designer", 2, 1), [text("later")]);
        assert_eq!(said("checker", 1, 1), [text("outside"), text("still outside")]);
        assert_eq!(said("checker", 1, 2), [text("again")]);
        assert_eq!(said("designer", 1, 2), [text("Done.")]);
    }

    #[test]
    fn failures_and_usage_hold_where_they_stand() {
        let script = "@@usage input=7 output=3 cache_read=2\n@@bash ls\n@@error 429 3 slow down\n@@bash pwd\n@@cut";
        assert_eq!(play(script, &situation(0)).ending, Ending::Whole);
        assert_eq!(
            play(script, &situation(0)).usage,
            Usage {
                input: 7,
                output: 3,
                cache_read: 2,
                ..Usage::default()
            }
        );
        let second = play(script, &situation(1));
        assert_eq!(
            second.ending,
            Ending::Error(Failure {
                status: 429,
                retry_after: Some(3),
                message: "slow down".to_owned(),
                ..Failure::default()
            })
        );
        assert_eq!(second.usage.input, 7);
        assert_eq!(play(script, &situation(2)).ending, Ending::Cut);
        let bare = play("@@error 529 Overloaded now", &situation(0)).ending;
        assert_eq!(
            bare,
            Ending::Error(Failure {
                status: 529,
                message: "Overloaded now".to_owned(),
                ..Failure::default()
            })
        );
    }
}
