//! What people see: text made harmless, lines with meaning, and the screen they are written to.
//!
//! Rules: standard output is data, everything else goes to standard error; a colour has a meaning and never is the only
//! thing that carries it; what an agent, a command or a repository wrote is cleaned before it is shown.

pub(crate) mod data;
pub(crate) mod line;
pub(crate) mod screen;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod time;

#[cfg(test)]
pub(crate) use line::Paint;
pub(crate) use line::{Line, Tone};
pub(crate) use screen::Screen;
