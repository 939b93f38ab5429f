//! What the verbs print. Progress goes to standard error, so that a program's own output stays alone on the other.
#![expect(clippy::print_stderr, reason = "printing is what this module is for")]

use std::io::IsTerminal;

/// A part of a verb begins.
pub(crate) fn heading(text: &str) {
    eprintln!("{}", styled("1;36", &format!("==> {text}")));
}

/// Something worth knowing.
pub(crate) fn note(text: &str) {
    eprintln!("    {text}");
}

/// A line of a program that works for the verb.
pub(crate) fn line(text: &str) {
    eprintln!("{text}");
}

/// The verb failed.
pub(crate) fn error(text: &str) {
    eprintln!("{} {text}", styled("1;31", "error:"));
}

fn styled(code: &str, text: &str) -> String {
    if std::io::stderr().is_terminal() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
