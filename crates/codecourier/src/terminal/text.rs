//! Foreign text made harmless: no escape sequence, no control character and nothing invisible that reorders.
//!
//! Invariant: what comes out of [`clean`] has printable characters and, if asked for, line feeds, and nothing else, so
//! that it can neither move the cursor, nor change colours or titles, nor show as something that it is not.

use unicode_width::UnicodeWidthChar as _;

/// What becomes of line feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFeeds {
    /// They stay.
    Keep,
    /// They become blanks.
    Fold,
}

/// The text without anything that a terminal would act on.
pub(crate) fn clean(text: &str, line_feeds: LineFeeds) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                // A control sequence: parameters, then one final byte.
                Some('[') => skip_control_sequence(&mut characters),
                // Strings for the terminal: title, clipboard, links. They end with BEL or ST, and here with the line, so
                // that an open one cannot hide what follows.
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut characters),
                Some('(' | ')' | '*' | '+' | '#' | '%' | ' ') => {
                    characters.next_if(|next| !next.is_control());
                }
                Some('\n') if line_feeds == LineFeeds::Keep => clean.push('\n'),
                Some(_) | None => {}
            },
            '\u{9b}' => skip_control_sequence(&mut characters),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut characters),
            '\n' => match line_feeds {
                LineFeeds::Keep => clean.push('\n'),
                LineFeeds::Fold => clean.push(' '),
            },
            '\t' => clean.push_str("    "),
            character if character.is_control() || is_invisible(character) => {}
            character => clean.push(character),
        }
    }
    clean
}

fn skip_control_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while characters.next_if(|next| matches!(next, ' '..='?')).is_some() {}
    characters.next_if(|next| matches!(next, '@'..='~'));
}

fn skip_string(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(character) = characters.next_if(|next| *next != '\n') {
        match character {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                characters.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Characters that show as nothing and change how others are read.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// How many columns a character takes.
pub(crate) fn columns_of(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// How many columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The text cut to so many columns; what is cut shows as `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    // Marks that take no column could pile up without end.
    let mut characters = 0;
    for character in text.chars() {
        let wide = columns_of(character);
        characters += 1;
        if used + wide > width || characters > width.saturating_mul(4) {
            return shorten(kept, width);
        }
        used += wide;
        kept.push(character);
    }
    kept
}

fn shorten(mut kept: String, width: usize) -> String {
    if width == 0 {
        return String::new();
    }
    while columns(&kept) >= width {
        kept.pop();
    }
    kept.push('…');
    kept
}

/// The text in lines of at most so many columns, broken at blanks where that is possible.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_inclusive(' ') {
            let bare = columns(word.trim_end_matches(' '));
            if used > 0 && used + bare > width {
                lines.push(line.trim_end().to_owned());
                line = String::new();
                used = 0;
            }
            for character in word.chars() {
                let wide = columns_of(character);
                if used + wide > width {
                    if character == ' ' {
                        continue;
                    }
                    lines.push(line.trim_end().to_owned());
                    line = String::new();
                    used = 0;
                }
                line.push(character);
                used += wide;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_becomes_harmless() {
        let fold = |text| clean(text, LineFeeds::Fold);
        assert_eq!(fold("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(fold("\u{1b}[2J\u{1b}[1;1Hgone"), "gone");
        assert_eq!(fold("\u{9b}2Jgone"), "gone");
        assert_eq!(fold("a\u{1b}]0;title\u{7}b"), "ab");
        assert_eq!(fold("a\u{1b}]52;c;aGk=\u{1b}\\b"), "ab");
        assert_eq!(fold("a\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{1b}\\b"), "alinkb");
        assert_eq!(fold("a\u{1b}P$q\u{9c}b\u{1b}(0c"), "abc");
        assert_eq!(fold("passed\rfailed\u{8}\u{7}\0"), "passedfailed");
        assert_eq!(fold("a\u{202e}txt.exe\u{202c}\u{200b}b\u{e0041}"), "atxt.exeb");
        assert_eq!(fold("tab\there\nand there"), "tab    here and there");
    }

    #[test]
    fn an_open_sequence_hides_no_more_than_its_line() {
        assert_eq!(clean("a\u{1b}]0;never closed\nnext", LineFeeds::Keep), "a\nnext");
        assert_eq!(clean("a\u{1b}[12;34", LineFeeds::Keep), "a");
        assert_eq!(clean("a\u{1b}", LineFeeds::Keep), "a");
        assert_eq!(clean("a\u{1b}\nb", LineFeeds::Keep), "a\nb");
    }

    #[test]
    fn no_bytes_at_all_leave_a_control_character() {
        for seed in 0_u32..2_000 {
            let text: String = (0..40_u32)
                .filter_map(|position| char::from_u32((seed * 131 + position * 7_919) % 0x300))
                .collect();
            let cleaned = clean(&text, LineFeeds::Fold);
            assert!(!cleaned.chars().any(char::is_control), "{text:?} gave {cleaned:?}");
        }
    }

    #[test]
    fn cutting_counts_columns_and_not_characters() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("exactly ten", 10), "exactly t…");
        assert_eq!(cut("日本語テキスト", 7), "日本語…");
        assert_eq!(cut("x", 0), "");
        assert_eq!(cut("xy", 1), "…");
        let pile = format!("e{}", "\u{301}".repeat(5_000));
        assert!(cut(&pile, 10).chars().count() <= 42);
    }

    #[test]
    fn wrapping_breaks_at_blanks_and_in_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
        for width in 1..30 {
            let lines = wrap(
                "Ein längerer Satz mit 日本語 darin, und ein sehrsehrsehrlangeswort.",
                width,
            );
            assert!(
                lines.iter().all(|line| columns(line) <= width.max(2)),
                "{width}: {lines:?}"
            );
        }
    }
}
