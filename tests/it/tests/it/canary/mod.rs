//! Secrets stay where they belong: a canary in everything that holds one, a server that is used with all of them, in
//! right and in wrong ways, and then a look at everything that comes out of it.

mod fields;
mod outside;
mod processes;
mod story;
mod traces;

use std::collections::BTreeSet;
use std::path::Path;

use codecourier_testkit::postgres;

use fields::Canary;
use story::{Database, Story};

/// What an agent gets by its nature: the token of its step, and the variables that the project gives it.
const IN_SANDBOXES: [Canary; 2] = [Canary::StepToken, Canary::SecretVariable];

#[tokio::test]
async fn no_canary_leaves_its_field_with_sqlite() {
    let story = Story::tell(Database::Sqlite).await;
    judge(&story, &[]);
}

#[tokio::test]
async fn no_canary_leaves_its_field_with_postgresql() {
    let url = postgres::Server::shared().create_database();
    let story = Story::tell(Database::PostgreSql(url.clone())).await;
    judge(&story, &postgres::Server::shared().dump(&url));
}

fn judge(story: &Story, dump: &[u8]) {
    // A table that lists what no test touches would say nothing.
    let untouched: BTreeSet<Canary> = fields::all()
        .difference(&story.canaries.planted())
        .copied()
        .filter(|secret| *secret != Canary::DatabasePassword || !dump.is_empty())
        .collect();
    assert_eq!(untouched, BTreeSet::new(), "nobody planted these");

    let mut found = Vec::new();
    let mut look = |place: &str, bytes: &[u8], but_for: &[Canary]| {
        let here = story.canaries.found_in(bytes, but_for);
        found.extend(here.into_iter().map(|what| format!("{place}: {what}")));
    };
    for (place, bytes) in &story.surfaces {
        assert!(!bytes.is_empty(), "there is nothing in {place}: it was not looked at");
        look(place, bytes, &[]);
    }
    look("the dump of the database", dump, &[]);
    for process in &story.processes {
        look("a command line", &process.command_line, &[]);
        // The server itself was given its secrets there.
        if process.pid != story.server {
            look("the environment of a program", &process.environment, &IN_SANDBOXES);
        }
    }
    let environments: Vec<u8> = story
        .processes
        .iter()
        .flat_map(|process| process.environment.clone())
        .collect();
    let seen = story.canaries.found_in(&environments, &[]);
    for secret in IN_SANDBOXES {
        let name = format!("{secret:?}");
        assert!(
            seen.iter().any(|seen| seen.starts_with(&name)),
            "no sandbox was looked into: {seen:?}"
        );
    }
    files(story.data(), &mut |path, bytes| {
        look(&path.display().to_string(), bytes, &[])
    });
    found.truncate(40);
    assert!(found.is_empty(), "canaries are out:\n{}", found.join("\n"));
}

/// Files above this size are the disks of sandboxes, which hold what the sandboxes were given.
const LARGE: u64 = 64 << 20;

/// Every file of a data directory, but for the templates that all tests share.
pub(crate) fn files(directory: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), look);
        } else if kind.is_file() && entry.metadata().is_ok_and(|metadata| metadata.len() <= LARGE) {
            look(&entry.path(), &std::fs::read(entry.path()).unwrap_or_default());
        }
    }
}
