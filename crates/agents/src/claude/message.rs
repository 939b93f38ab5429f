//! The shapes of the CLI's lines, as far as they are read.
