//! `tidy`: the house rules that the compiler and clippy do not know. It reads `cargo metadata`, `cargo tree` and the
//! tracked files; it fails with every violation at once, and prints files that have grown long.

mod edges;
mod text;

use std::fs;
use std::path::Path;

use crate::{Outcome, spawn, terminal, workspace};

pub(crate) fn run() -> Outcome {
    let metadata = workspace::metadata()?;
    let root = workspace::root();
    let read = |path: &Path| fs::read_to_string(root.join(path)).unwrap_or_default();

    let mut violations = edges::check(&edges::of(&metadata));
    for package in &metadata.packages {
        let manifest = package.manifest_path.as_std_path();
        violations.extend(text::check_manifest(&relative(manifest, &root), &read(manifest)));
    }
    let linked = [
        "cargo",
        "tree",
        "--workspace",
        // Of other systems, too, whose packages no build here has downloaded.
        "--locked",
        "--target=all",
        "--edges=normal,build",
        "--prefix=none",
    ];
    violations.extend(text::check_linked(&spawn::output(&linked)?));
    let mut long = Vec::new();
    for path in workspace::tracked_files()? {
        // What is not text has no rules; what Git still lists may be gone from the disk.
        let Ok(content) = fs::read_to_string(root.join(&path)) else {
            continue;
        };
        violations.extend(text::check_file(&path, &content));
        long.extend(text::length_to_report(&path, &content).map(|lines| (lines, path)));
    }

    long.sort_by(|one, other| other.cmp(one));
    for (lines, path) in long {
        terminal::note(&format!("{} has {lines} lines", path.display()));
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} violations of the house rules:\n  {}",
            violations.len(),
            violations.join("\n  ")
        ))
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
