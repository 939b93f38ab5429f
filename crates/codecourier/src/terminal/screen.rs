//! Standard error as a screen: lines that stay, and on a terminal one line at the bottom that changes.
//!
//! Invariants: without a terminal nothing moves the cursor; every write starts by taking the changing line away, so that
//! a line which stays never is mixed with it; a screen that cannot be written to is no reason to stop a run.

use std::io::{IsTerminal as _, Write};

use super::line::{Colours, Line, Paint};
use crate::config::{Characters, ColourWish, Config};
use crate::page::Feed;

/// How wide lines may be where no terminal says.
const PIPE_WIDTH: usize = 400;
/// The signs of the turning wheel.
pub(crate) const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Where progress is written.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    manner: Manner,
    paint: Paint,
    bottom: Bottom,
    page: Option<Feed>,
}

/// What can be done with the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A terminal: there is a changing line at the bottom.
    Live,
    /// A file or a pipe: lines only.
    Plain,
    /// Nothing is shown: somebody reads JSON.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bottom {
    Empty,
    Shown,
}

impl Screen {
    /// Standard error.
    pub(crate) fn standard_error(config: &Config) -> Self {
        let stderr = std::io::stderr();
        let is_terminal = stderr.is_terminal();
        Self {
            manner: if is_terminal && !config.has_dumb_terminal {
                Manner::Live
            } else {
                Manner::Plain
            },
            paint: paint(config, is_terminal),
            out: Box::new(stderr),
            bottom: Bottom::Empty,
            page: None,
        }
    }

    /// Standard error, when nothing is known of what it can show.
    pub(crate) fn bare() -> Self {
        Self {
            out: Box::new(std::io::stderr()),
            manner: Manner::Plain,
            paint: Paint {
                colours: Colours::Off,
                characters: Characters::Unicode,
            },
            bottom: Bottom::Empty,
            page: None,
        }
    }

    /// A screen that shows nothing.
    pub(crate) fn silent() -> Self {
        Self {
            out: Box::new(std::io::sink()),
            manner: Manner::Silent,
            paint: Paint {
                colours: Colours::Off,
                characters: Characters::Ascii,
            },
            bottom: Bottom::Empty,
            page: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn to(out: Box<dyn Write + Send>, manner: Manner) -> Self {
        Self {
            out,
            manner,
            paint: Paint::PLAIN,
            bottom: Bottom::Empty,
            page: None,
        }
    }

    /// The screen, with a page that shows the same.
    pub(crate) fn with_page(mut self, page: Feed) -> Self {
        self.page = Some(page);
        self
    }

    /// Whether anybody sees the status.
    pub(crate) fn shows_status(&self) -> bool {
        self.manner == Manner::Live || self.page.is_some()
    }

    /// What can be done with it.
    pub(crate) const fn manner(&self) -> Manner {
        self.manner
    }

    /// How many columns a line may have.
    pub(crate) fn width(&self) -> usize {
        match self.manner {
            Manner::Live => columns_of_terminal(),
            Manner::Plain | Manner::Silent => PIPE_WIDTH,
        }
    }

    /// Writes a line that stays.
    pub(crate) fn line(&mut self, line: &Line) {
        self.lines(std::slice::from_ref(line));
    }

    /// Writes lines that stay.
    pub(crate) fn lines(&mut self, lines: &[Line]) {
        if let Some(page) = &self.page {
            lines.iter().for_each(|line| page.line(line));
        }
        if self.manner == Manner::Silent {
            return;
        }
        let width = self.width();
        let mut text = self.without_bottom();
        for line in lines {
            text.push_str(&line.render(width, self.paint));
            text.push('\n');
        }
        self.write(&text);
    }

    /// Puts a line to the bottom, in place of the one before. Nothing without a terminal.
    pub(crate) fn status(&mut self, line: &Line) {
        if let Some(page) = &self.page {
            page.status(line);
        }
        if self.manner != Manner::Live {
            return;
        }
        // The last column stays free: some terminals go to the next line when it is written.
        let width = self.width().saturating_sub(1);
        let mut text = self.without_bottom();
        text.push_str(&line.render(width, self.paint));
        self.bottom = Bottom::Shown;
        self.write(&text);
    }

    /// Takes the line at the bottom away.
    pub(crate) fn clear_status(&mut self) {
        let text = self.without_bottom();
        self.write(&text);
    }

    fn without_bottom(&mut self) -> String {
        match std::mem::replace(&mut self.bottom, Bottom::Empty) {
            Bottom::Shown => "\r\u{1b}[2K".to_owned(),
            Bottom::Empty => String::new(),
        }
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear_status();
    }
}

/// How a stream is painted.
pub(crate) fn paint(config: &Config, is_terminal: bool) -> Paint {
    let colours = match config.colours {
        ColourWish::Always => Colours::On,
        ColourWish::Never => Colours::Off,
        ColourWish::Automatic if is_terminal && !config.has_dumb_terminal => Colours::On,
        ColourWish::Automatic => Colours::Off,
    };
    Paint {
        colours,
        characters: config.characters,
    }
}

fn columns_of_terminal() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::terminal::Tone;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(manner: Manner, act: impl FnOnce(&mut Screen)) -> String {
        let kept = Kept::default();
        let mut screen = Screen::to(Box::new(kept.clone()), manner);
        act(&mut screen);
        drop(screen);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_pipe_gets_lines_and_nothing_that_moves() {
        let text = written(Manner::Plain, |screen| {
            screen.status(&Tone::Plain.line("working"));
            screen.line(&Tone::Good.line("done"));
        });
        assert_eq!(text, "done\n");
    }

    #[test]
    fn on_a_terminal_the_changing_line_makes_room() {
        let text = written(Manner::Live, |screen| {
            screen.status(&Tone::Plain.line("working"));
            screen.line(&Tone::Plain.line("done"));
            screen.status(&Tone::Plain.line("still working"));
        });
        assert_eq!(text, "working\r\u{1b}[2Kdone\nstill working\r\u{1b}[2K");
    }

    #[test]
    fn a_silent_screen_says_nothing() {
        assert_eq!(
            written(Manner::Silent, |screen| screen.line(&Tone::Plain.line("x"))),
            ""
        );
    }
}
