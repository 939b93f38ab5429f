//! A copy of the working tree with another pin in it, and the suite that judges it there.
//!
//! Invariants: the repository is only read; the copy lies below Cargo's target directory, is brought up to date each time
//! and changes only where something differs, so that Cargo builds little anew; layers of templates are shared with the
//! repository's own tests, since a layer is named by what is in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::pins::{self, Pin};
use super::{Gate, Proof};
use crate::{Outcome, spawn, terminal, workspace};

/// The page that says what the pinned versions do.
pub(super) const PAGE: &str = "docs/agents.md";

/// The suite: the real CLI in real sandboxes.
pub(super) struct Suite {
    /// The directory of all candidates.
    pub(super) place: PathBuf,
    /// Cargo's target directory.
    pub(super) target: PathBuf,
}

impl Gate for Suite {
    fn prove(&self, agent: &str, pin: &Pin, pins: &str) -> Result<Proof, String> {
        let tree = self.place.join("tree");
        let files = workspace::tracked_files()?;
        sync(&workspace::root(), &tree, &files, &[(Path::new(pins::FILE), pins)])?;
        self.share_layers(&tree)?;

        let log = self.place.join(format!("{agent}-{}.log", pin.version));
        let mut kept = Log::create(&log)?;
        let ended = self.run(agent, &tree, &mut kept);
        let refused = |error: String| {
            let seen = surprises(agent, &kept.text);
            let seen: String = seen.iter().map(|line| format!("\n    {line}")).collect();
            format!("{error}{seen}\n    everything it said is in {}", log.display())
        };
        ended.map_err(refused)?;
        let page = tree.join(PAGE);
        let page = fs::read(&page).map_err(|error| format!("{}: {error}", page.display()))?;
        Ok(Proof { page })
    }
}

impl Suite {
    fn run(&self, agent: &str, tree: &Path, log: &mut Log) -> Outcome {
        let build = self.place.join("build");
        let example = |name: &str| build.join("debug/examples").join(name).display().to_string();
        let data = self.target.join("testdata").display().to_string();
        let (template, page) = (example("build_template"), example("agents"));
        let (tree_text, filter) = (tree.display().to_string(), filter(agent));
        // Every build is one of the whole workspace, with the targets that are needed: the same features each time, so that
        // nothing is built twice.
        let steps: [(&str, &[&str]); 5] = [
            (
                "building what proves it",
                &[
                    "cargo",
                    "build",
                    "--quiet",
                    "--workspace",
                    "--bin=codecourier",
                    "--example=build_template",
                    "--example=agents",
                    "--test=agents",
                    "--test=it",
                ],
            ),
            ("building its template", &[&template, &data, agent]),
            ("writing its page", &[&page, &tree_text]),
            (
                "reading what was recorded",
                &[
                    "cargo",
                    "nextest",
                    "run",
                    "--workspace",
                    "--test=agents",
                    "--no-fail-fast",
                ],
            ),
            (
                "running the conformance suite",
                &[
                    "cargo",
                    "nextest",
                    "run",
                    "--workspace",
                    "--test=it",
                    "--no-fail-fast",
                    "--filterset",
                    &filter,
                ],
            ),
        ];
        for (what, argv) in steps {
            terminal::heading(&format!("{agent}: {what}"));
            let directory = [("CARGO_TARGET_DIR", build.display().to_string())];
            let ended = spawn::run_in(tree, argv, &directory, &mut |line| log.line(line));
            ended.map_err(|_| format!("{what} failed"))?;
        }
        Ok(())
    }

    /// The tests look for layers of templates below the copy.
    fn share_layers(&self, tree: &Path) -> Outcome {
        let shared = self.target.join("testdata");
        let link = tree.join("target/testdata");
        if link.exists() {
            return Ok(());
        }
        let failed = |error| format!("{}: {error}", link.display());
        fs::create_dir_all(&shared).map_err(failed)?;
        fs::create_dir_all(tree.join("target")).map_err(failed)?;
        std::os::unix::fs::symlink(&shared, &link).map_err(failed)
    }
}

/// The tests that run an agent, and that of the page. Of the pairs of agents only that with itself: the others would fail
/// it for what another agent does.
fn filter(agent: &str) -> String {
    let own = format!("(conformance|agents::(rounds|killed|limits)).*(::|_){agent}(_|$)");
    let pair = format!("agents::matrix::{agent}_designs_and_{agent}_checks$");
    format!("package(codecourier-it) & test(/^({own}|{pair}|conformance::page::)/)")
}

/// What the suite found that is not as it was: rows of behaviours, else the tests that failed.
fn surprises(agent: &str, log: &str) -> Vec<String> {
    let lines = log.lines().map(str::trim);
    let rows: BTreeSet<&str> = lines
        .clone()
        .filter(|line| {
            line.starts_with(&format!("{agent} "))
                && (line.ends_with(" does not work:") || line.contains(" works now; "))
        })
        .map(|line| line.trim_end_matches(':'))
        .collect();
    let tests: BTreeSet<&str> = lines
        .filter(|line| line.starts_with("FAIL [") || line.starts_with("TIMEOUT ["))
        .filter_map(|line| {
            // Between the time and the name is how many have ended: `( 8/25)`.
            let name = line.split_once("] ")?.1;
            Some(name.split_once(") ").map_or(name, |(_, name)| name).trim())
        })
        .collect();
    let tests = tests.into_iter().map(|name| format!("failed: {name}"));
    rows.into_iter().map(str::to_owned).chain(tests).collect()
}

/// Makes `tree` have the files of `root`, some of them with other contents, and nothing else but its `target`.
fn sync(root: &Path, tree: &Path, files: &[PathBuf], replaced: &[(&Path, &str)]) -> Outcome {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut wanted = BTreeSet::new();
    for name in files {
        let (from, to) = (root.join(name), tree.join(name));
        // A file that was deleted and not yet committed.
        if !from.is_file() {
            continue;
        }
        wanted.insert(to.clone());
        let contents = match replaced.iter().find(|(path, _)| path == name) {
            Some((_, text)) => text.as_bytes().to_vec(),
            None => fs::read(&from).map_err(|error| failed(&from, error))?,
        };
        if fs::read(&to).is_ok_and(|present| present == contents) {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        fs::write(&to, contents).map_err(|error| failed(&to, error))?;
        let mode = from.metadata().map_err(|error| failed(&from, error))?.permissions();
        fs::set_permissions(&to, mode).map_err(|error| failed(&to, error))?;
    }
    remove_others(tree, tree, &wanted)
}

fn remove_others(tree: &Path, directory: &Path, wanted: &BTreeSet<PathBuf>) -> Outcome {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    for entry in fs::read_dir(directory).map_err(|error| failed(directory, error))? {
        let path = entry.map_err(|error| failed(directory, error))?.path();
        if path == tree.join("target") {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            remove_others(tree, &path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(&path).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

/// What a candidate's suite said: on the disk for people, and here to be searched.
struct Log {
    file: fs::File,
    text: String,
}

impl Log {
    fn create(path: &Path) -> Result<Self, String> {
        let file = fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            file,
            text: String::new(),
        })
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        // The log is for reading afterwards; a full disk must not be what fails a candidate.
        let _ = writeln!(self.file, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_the_other_pin_and_only_what_differs_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let (root, tree) = (directory.path().join("root"), directory.path().join("tree"));
        fs::create_dir_all(root.join("a/b")).unwrap();
        for (name, text) in [("a/b/pin", "old"), ("same", "same"), ("gone", "gone")] {
            fs::write(root.join(name), text).unwrap();
        }
        let files = ["a/b/pin", "same", "gone"].map(PathBuf::from);
        let replaced = [(Path::new("a/b/pin"), "new")];
        sync(&root, &tree, &files, &replaced).unwrap();
        fs::create_dir_all(tree.join("target")).unwrap();
        fs::write(tree.join("target/built"), "").unwrap();
        let written = |name: &str| tree.join(name).metadata().unwrap().modified().unwrap();
        let before = [written("a/b/pin"), written("same")];

        fs::remove_file(root.join("gone")).unwrap();
        fs::write(root.join("fresh"), "fresh").unwrap();
        let files = [&files[..], &[PathBuf::from("fresh")]].concat();
        sync(&root, &tree, &files, &replaced).unwrap();
        assert_eq!(fs::read_to_string(tree.join("a/b/pin")).unwrap(), "new");
        assert_eq!(fs::read_to_string(root.join("a/b/pin")).unwrap(), "old");
        assert_eq!([written("a/b/pin"), written("same")], before);
        assert!(tree.join("fresh").exists() && !tree.join("gone").exists());
        assert!(tree.join("target/built").exists(), "what was built stays");
    }

    #[test]
    fn behaviours_and_tests_that_failed_are_named_once() {
        let log = "\
            FAIL [   3.210s] ( 8/17) codecourier-it::it conformance::session::a_conversation_with_pi\n\
                pi Steer does not work:\n\
                in turn: false\n\
                pi Plan works now; it is listed as lacking: it offers its model no tool for a plan\n\
            FAIL [   3.210s] codecourier-it::it conformance::session::a_conversation_with_pi\n\
                pi Steer does not work:\n";
        assert_eq!(
            surprises("pi", log),
            [
                "pi Plan works now; it is listed as lacking: it offers its model no tool for a plan",
                "pi Steer does not work",
                "failed: codecourier-it::it conformance::session::a_conversation_with_pi",
            ]
        );
    }
}
