//! One line for people: pieces of text, each with a meaning, cut to the width and painted at the last moment.

use std::fmt::Write as _;

use super::text::{self, LineFeeds};
use crate::config::Characters;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// What the eye shall find: headings, names.
    Strong,
    /// What is there for completeness.
    Quiet,
    /// It went well.
    Good,
    /// It went badly.
    Bad,
    /// Worth a look.
    Warning,
    /// Something that can be used: a command, a branch, a path.
    Usable,
}

impl Tone {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Strong => "strong",
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Usable => "usable",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Quiet => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Usable => "36",
        }
    }
}

/// Whether colours are used, and which characters can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    /// Colours or none.
    pub(crate) colours: Colours,
    /// What the terminal can show.
    pub(crate) characters: Characters,
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They are.
    On,
    /// They are not.
    Off,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Line {
    indent: usize,
    pieces: Vec<(Tone, String)>,
}

impl Tone {
    /// A line of one piece.
    pub(crate) fn line(self, text: &str) -> Line {
        Line::new().and(self, text)
    }
}

impl Line {
    /// An empty line.
    pub(crate) const fn new() -> Self {
        Self {
            indent: 0,
            pieces: Vec::new(),
        }
    }

    /// The line with another piece at its end. The text is cleaned; line feeds become blanks.
    pub(crate) fn and(mut self, tone: Tone, text: &str) -> Self {
        self.pieces.push((tone, text::clean(text, LineFeeds::Fold)));
        self
    }

    /// The line with the pieces of another at its end.
    pub(crate) fn joined(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// The line for a page: its indent, and each piece with the name of its tone.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let pieces: Vec<(&str, &str)> = self
            .pieces
            .iter()
            .map(|(tone, text)| (tone.name(), text.as_str()))
            .collect();
        serde_json::json!({ "indent": self.indent, "pieces": pieces })
    }

    /// The text of the line, with nothing around it.
    pub(crate) fn plain(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The line so many columns further right.
    pub(crate) fn indented(mut self, columns: usize) -> Self {
        self.indent += columns;
        self
    }

    /// The text for a screen of so many columns, without a line feed.
    pub(crate) fn render(&self, width: usize, paint: Paint) -> String {
        let indent = self.indent.min(width / 3);
        let mut left = width.saturating_sub(indent);
        let total: usize = self.pieces.iter().map(|(_, text)| text::columns(text)).sum();
        let is_cut = total > left;
        let mut rendered = " ".repeat(indent);
        for (index, (tone, text)) in self.pieces.iter().enumerate() {
            let wide = text::columns(text);
            let is_last = index + 1 == self.pieces.len();
            // The piece that reaches over the edge, or that leaves no room for the sign that more follows, is the last.
            let ends_here = is_cut && (wide > left || (wide == left && !is_last));
            let shown = if ends_here {
                // One column too many makes the cut visible.
                text::cut(&format!("{text}  "), left.min(wide + 1))
            } else {
                text::cut(text, left)
            };
            left = left.saturating_sub(text::columns(&shown));
            paint.write(&mut rendered, *tone, &shown);
            if ends_here {
                break;
            }
        }
        paint.spell(&rendered)
    }
}

impl Paint {
    /// No colours, every character.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self {
        colours: Colours::Off,
        characters: Characters::Unicode,
    };

    fn write(self, to: &mut String, tone: Tone, text: &str) {
        let code = tone.code();
        if text.is_empty() {
            return;
        }
        if self.colours == Colours::Off || code.is_empty() {
            to.push_str(text);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(to, "\u{1b}[{code}m{text}\u{1b}[0m");
        }
    }

    /// The text in characters that can be shown: our own signs have ASCII forms, the rest becomes `?`.
    fn spell(self, text: &str) -> String {
        match self.characters {
            Characters::Unicode => text.to_owned(),
            Characters::Ascii => text
                .chars()
                .map(|character| match character {
                    '✓' => '+',
                    '✗' => 'x',
                    '●' => '*',
                    '›' => '>',
                    '·' | '—' | '–' | '−' => '-',
                    '│' => '|',
                    '…' => '~',
                    '⠋' | '⠙' | '⠹' | '⠸' | '⠼' | '⠴' | '⠦' | '⠧' | '⠇' | '⠏' => '*',
                    character if character.is_ascii() => character,
                    _ => '?',
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_painted_by_meaning_and_only_when_colours_are_on() {
        let line = Tone::Good.line("✓").and(Tone::Plain, " tests");
        let on = Paint {
            colours: Colours::On,
            ..Paint::PLAIN
        };
        assert_eq!(line.render(80, on), "\u{1b}[32m✓\u{1b}[0m tests");
        assert_eq!(line.render(80, Paint::PLAIN), "✓ tests");
        let ascii = Paint {
            characters: Characters::Ascii,
            ..Paint::PLAIN
        };
        assert_eq!(line.and(Tone::Plain, " größer").render(80, ascii), "+ tests gr??er");
    }

    #[test]
    fn a_line_never_is_wider_than_the_screen() {
        let line = Tone::Strong
            .line("designer#1")
            .and(Tone::Plain, " Bash ")
            .and(Tone::Quiet, "python3 -m unittest discover --start-directory tests")
            .indented(4);
        for width in 1..100 {
            let shown = line.render(width, Paint::PLAIN);
            assert!(text::columns(&shown) <= width, "{width}: {shown:?}");
        }
        assert_eq!(line.render(30, Paint::PLAIN), "    designer#1 Bash python3 -…");
    }

    #[test]
    fn an_agent_cannot_paint() {
        let line = Tone::Bad.line("\u{1b}[32mverdict: pass\u{1b}[0m\nand more");
        assert_eq!(line.render(80, Paint::PLAIN), "verdict: pass and more");
    }
}
