//! Joins what an agent says over several lines into events that say it whole. [`super::LineParser`] uses it.
//!
//! Some agents never repeat a text whole after its pieces, name a tool's arguments a line after the call, or say that a
//! turn is over a line after they said how. What waits for a later line is kept here, and what comes after it waits
//! behind it, so that events leave in the order of their lines. Invariants: all events of a line leave at once; the
//! offset of the first line that waits is where a parser after a restart begins, so that nothing is lost and nothing
//! comes twice; no more than [`MOST_WAITING`] lines wait, and no text longer than `bound::TEXT`.

use std::collections::VecDeque;

use codecourier_domain::event::Event;

use super::bound;

/// How many lines wait for an earlier one at most.
const MOST_WAITING: usize = 256;

/// What a line says of lines before or after it.
#[derive(Debug, Clone, PartialEq)]
pub enum Join {
    /// A piece of a text or a thought that is never repeated whole. It ends where something else is said.
    Piece(Piece),
    /// The line's events belong beside what is being said and do not end it.
    Beside,
    /// The line's call of a tool waits until its arguments are named.
    CallWaits(String),
    /// A call waits no longer: its arguments are known, or will not be.
    Arguments {
        /// The call.
        call: String,
        /// Its arguments, if they are known.
        input: Option<serde_json::Value>,
    },
    /// The line's events hold only if nothing follows: they wait for [`Join::Settled`].
    Unsettled,
    /// What was unsettled is settled.
    Settled,
    /// What was unsettled is no longer so: the agent goes on.
    GoesOn,
    /// Nothing is said until [`Join::Heard`]: the agent repeats what was said before it was started.
    Deaf,
    /// The repetition is over.
    Heard,
}

/// A piece of something that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it is a piece of.
    pub of: Said,
    /// The agent's name for the whole, where it has one: another name is another text.
    pub whole: String,
    /// The text.
    pub text: String,
}

/// What is said in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A text.
    Text,
    /// A thought.
    Thought,
}

/// The events of a line, or of the lines that a text came in.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    /// Where its first line begins.
    start: u64,
    events: Vec<Event>,
    waits: Option<Waits>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Waits {
    More(Said, String),
    Arguments(String),
    Settled,
    Heard,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    groups: VecDeque<Group>,
}

impl Joiner {
    /// Where the first line that waits begins.
    pub(super) fn start(&self) -> Option<u64> {
        self.groups.front().map(|group| group.start)
    }

    /// Takes the line that begins at `start`. Gives the events that leave with it.
    pub(super) fn take(&mut self, start: u64, join: Option<Join>, events: Vec<Event>) -> Vec<Event> {
        let is_heard = self.hears(join.as_ref());
        match join {
            Some(Join::Heard) => self.release(|waits| *waits == Waits::Heard),
            _ if !is_heard => return Vec::new(),
            None if events.is_empty() => {}
            None => self.end_said(),
            Some(Join::Beside) => {}
            Some(Join::Piece(piece)) => {
                let shown = piece.event(true);
                self.say(start, piece);
                let mut left = self.leave();
                left.push(shown);
                return left;
            }
            Some(Join::CallWaits(call)) => {
                self.end_said();
                return self.wait(start, events, Waits::Arguments(call));
            }
            Some(Join::Arguments { call, input }) => {
                if !events.is_empty() {
                    self.end_said();
                }
                self.name_arguments(&call, input.as_ref());
            }
            Some(Join::Unsettled) => {
                self.end_said();
                let events = self.with_last_words(events);
                return self.wait(start, events, Waits::Settled);
            }
            Some(Join::Settled) => self.release(|waits| *waits == Waits::Settled),
            Some(Join::GoesOn) => self.groups.retain(|group| group.waits != Some(Waits::Settled)),
            Some(Join::Deaf) => {
                self.end_said();
                return self.wait(start, events, Waits::Heard);
            }
        }
        let events = self.with_last_words(events);
        if !events.is_empty() {
            self.groups.push_back(Group {
                start,
                events,
                waits: None,
            });
        }
        self.leave()
    }

    /// Whether the next line is heard at all.
    pub(super) fn hears(&self, join: Option<&Join>) -> bool {
        let last = self.groups.back();
        join == Some(&Join::Heard) || last.is_none_or(|group| group.waits != Some(Waits::Heard))
    }

    /// Ends the stream: everything leaves.
    pub(super) fn finish(&mut self) -> Vec<Event> {
        self.groups.drain(..).flat_map(|group| group.events).collect()
    }

    fn wait(&mut self, start: u64, events: Vec<Event>, waits: Waits) -> Vec<Event> {
        self.groups.push_back(Group {
            start,
            events,
            waits: Some(waits),
        });
        self.leave()
    }

    /// Adds to what is being said, or begins to say it.
    fn say(&mut self, start: u64, piece: Piece) {
        let waits = Waits::More(piece.of, piece.whole.clone());
        let open = self
            .groups
            .iter_mut()
            .find(|group| group.waits.as_ref() == Some(&waits));
        if let Some(Event::Text { text, .. } | Event::Thinking { text, .. }) =
            open.and_then(|group| group.events.first_mut())
            && text.len() + piece.text.len() <= piece.of.limit()
        {
            text.push_str(&piece.text);
            return;
        }
        self.end_said();
        self.groups.push_back(Group {
            start,
            events: vec![piece.event(false)],
            waits: Some(waits),
        });
    }

    fn end_said(&mut self) {
        self.release(|waits| matches!(waits, Waits::More(..)));
    }

    fn release(&mut self, is_it: impl Fn(&Waits) -> bool) {
        for group in &mut self.groups {
            if group.waits.as_ref().is_some_and(&is_it) {
                group.waits = None;
            }
        }
    }

    /// Every call of that name: one that is announced twice is two that wait, and a parser that starts between them knows
    /// of one only.
    fn name_arguments(&mut self, call: &str, arguments: Option<&serde_json::Value>) {
        for group in &mut self.groups {
            if !matches!(&group.waits, Some(Waits::Arguments(waiting)) if waiting == call) {
                continue;
            }
            group.waits = None;
            let called = group.events.iter_mut().find_map(|event| match event {
                Event::ToolCall { input, .. } => Some(input),
                _ => None,
            });
            if let (Some(input), Some(arguments)) = (called, arguments) {
                input.clone_from(arguments);
            }
        }
    }

    /// The end of a turn that does not say the last words itself has them from the text before it.
    fn with_last_words(&self, mut events: Vec<Event>) -> Vec<Event> {
        for event in &mut events {
            if let Event::TurnEnded { final_text, .. } = event
                && final_text.is_empty()
            {
                let said = self.groups.iter().rev().flat_map(|group| &group.events);
                let last = said.into_iter().find_map(|event| match event {
                    Event::Text { text, .. } => Some(text.clone()),
                    _ => None,
                });
                *final_text = last.unwrap_or_default();
            }
        }
        events
    }

    /// What waits for nothing, up to the first that does. When too much waits, nothing waits any longer.
    fn leave(&mut self) -> Vec<Event> {
        if self.groups.len() > MOST_WAITING {
            return self.finish();
        }
        let ready = self.groups.iter().take_while(|group| group.waits.is_none()).count();
        self.groups.drain(..ready).flat_map(|group| group.events).collect()
    }
}

impl Said {
    fn limit(self) -> usize {
        match self {
            Self::Text => bound::TEXT,
            Self::Thought => bound::OUTPUT,
        }
    }
}

impl Piece {
    fn event(&self, partial: bool) -> Event {
        let text = bound::middle(self.text.clone(), self.of.limit()).0;
        match self.of {
            Said::Text => Event::Text {
                text,
                partial,
                parent_call: None,
            },
            Said::Thought => Event::Thinking {
                text,
                partial,
                parent_call: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use codecourier_domain::event::{Durability, TurnOutcome};
    use serde_json::json;

    use super::*;

    fn piece(text: &str) -> Option<Join> {
        Some(Join::Piece(Piece {
            of: Said::Text,
            whole: String::new(),
            text: text.to_owned(),
        }))
    }

    fn end() -> Event {
        Event::TurnEnded {
            outcome: TurnOutcome::Completed,
            final_text: String::new(),
            error: None,
            status: None,
        }
    }

    fn call(call: &str) -> Event {
        Event::ToolCall {
            call: call.to_owned(),
            name: "bash".to_owned(),
            input: json!({}),
            parent_call: None,
        }
    }

    fn kept(events: &[Event]) -> Vec<String> {
        let kept = events.iter().filter(|event| event.durability() == Durability::Durable);
        kept.map(|event| match event {
            Event::Text { text, .. } => format!("text {text}"),
            Event::ToolCall { call, input, .. } => format!("call {call} {input}"),
            Event::TurnEnded { final_text, .. } => format!("end {final_text}"),
            other => other.kind().to_owned(),
        })
        .collect()
    }

    #[test]
    fn pieces_are_one_text_where_something_else_begins() {
        let mut joiner = Joiner::default();
        assert_eq!(kept(&joiner.take(0, piece("a "), Vec::new())), [""; 0]);
        assert_eq!(
            kept(&joiner.take(10, Some(Join::Beside), vec![bound::notice("x")])),
            [""; 0]
        );
        assert_eq!(kept(&joiner.take(20, piece("b"), Vec::new())), [""; 0]);
        assert_eq!(joiner.start(), Some(0));
        let left = joiner.take(30, None, vec![end()]);
        assert_eq!(kept(&left), ["text a b", "notice", "end a b"]);
        assert_eq!(joiner.start(), None);
    }

    #[test]
    fn a_call_waits_for_its_arguments_and_what_follows_waits_for_it() {
        let mut joiner = Joiner::default();
        assert_eq!(
            kept(&joiner.take(5, Some(Join::CallWaits("1".into())), vec![call("1")])),
            [""; 0]
        );
        assert_eq!(kept(&joiner.take(6, None, vec![bound::notice("x")])), [""; 0]);
        assert_eq!(joiner.start(), Some(5));
        let arguments = Join::Arguments {
            call: "1".into(),
            input: Some(json!({"a": 1})),
        };
        let left = joiner.take(7, Some(arguments.clone()), Vec::new());
        assert_eq!(kept(&left), [r#"call 1 {"a":1}"#, "notice"]);
        assert_eq!(joiner.take(8, Some(arguments), Vec::new()), [], "named again");
    }

    #[test]
    fn a_call_that_is_announced_twice_waits_twice_and_gets_its_arguments_twice() {
        let mut joiner = Joiner::default();
        joiner.take(5, Some(Join::CallWaits("1".into())), vec![call("1")]);
        joiner.take(6, Some(Join::CallWaits("1".into())), vec![call("1")]);
        let arguments = Join::Arguments {
            call: "1".into(),
            input: Some(json!({"a": 1})),
        };
        let left = joiner.take(7, Some(arguments), Vec::new());
        assert_eq!(kept(&left), [r#"call 1 {"a":1}"#, r#"call 1 {"a":1}"#]);
        assert_eq!(joiner.start(), None);
    }

    #[test]
    fn an_end_that_is_not_settled_may_be_none() {
        let mut joiner = Joiner::default();
        assert_eq!(kept(&joiner.take(0, Some(Join::Unsettled), vec![end()])), [""; 0]);
        assert_eq!(kept(&joiner.take(1, None, vec![bound::notice("compacted")])), [""; 0]);
        assert_eq!(kept(&joiner.take(2, Some(Join::GoesOn), Vec::new())), ["notice"]);
        assert_eq!(kept(&joiner.take(3, Some(Join::Unsettled), vec![end()])), [""; 0]);
        assert_eq!(kept(&joiner.take(4, Some(Join::Settled), Vec::new())), ["end "]);
    }

    #[test]
    fn what_is_repeated_from_before_is_not_heard() {
        let mut joiner = Joiner::default();
        joiner.take(0, Some(Join::Deaf), Vec::new());
        assert_eq!(joiner.take(1, piece("old"), Vec::new()), []);
        assert_eq!(joiner.take(2, None, vec![call("old")]), []);
        assert_eq!(joiner.start(), Some(0));
        assert_eq!(
            kept(&joiner.take(3, Some(Join::Heard), vec![bound::notice("x")])),
            ["notice"]
        );
    }

    #[test]
    fn what_waits_for_ever_is_bounded() {
        let mut joiner = Joiner::default();
        let mut left = joiner.take(0, Some(Join::CallWaits("1".into())), vec![call("1")]);
        for line in 0..10_000 {
            left.extend(joiner.take(line, None, vec![bound::notice("x")]));
            assert!(joiner.groups.len() <= MOST_WAITING);
        }
        left.extend(joiner.finish());
        assert_eq!(left.len(), 10_001);
        for line in 0..10_000 {
            left = joiner.take(line, piece(&"x".repeat(1000)), Vec::new());
            assert!(kept(&left).iter().all(|text| text.len() <= bound::TEXT + 5));
        }
    }
}
