//! Projects: made, found, changed, deleted and restored.

mod repository;

/// How many steps of a project may be under way at once when nobody says.
const WORK_LIMIT: u32 = 4;
