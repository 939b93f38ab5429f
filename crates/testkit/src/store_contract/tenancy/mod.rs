//! The wall between projects, and between people: every function of the store that takes a project or a person is
//! called with those of one side and with whatever else it takes of the other side. It must find and change nothing of
//! the other side, and answer as for a thing that is missing.
//!
//! `crates/store/tests/tenancy.rs` runs it on both databases, and compares the lists here with what the store's sources
//! say: a function that is in none of them fails there, and so does one whose reason no longer holds. Invariant: the
//! name in a row and the function that is called are one token, so they cannot differ.

mod end;
mod exempt;
mod rows;
mod side;
mod things;

use futures::future::BoxFuture;

use super::Bench;

pub use end::{purge, sweep};
pub use exempt::{EXEMPT, WITHOUT_SCOPE};
use side::Side;

/// Gives every row of every table of a database as text, with the name of its table.
pub type Dump<'d> = &'d (dyn Fn() -> BoxFuture<'static, Vec<(String, String)>> + Sync);

/// A function of the store and how it is called with a foreign thing.
struct Row {
    function: &'static str,
    call: fn(Bench, Side, Side) -> BoxFuture<'static, Answer>,
}

/// What a function gave.
struct Answer {
    /// As text, in which nothing of the other side may be.
    text: String,
    /// Whether it is the answer for a thing that is missing.
    is_as_missing: bool,
}

/// What is in every database once, and what has only the hash of a text: no project and no person is in it.
const WITHOUT_SIDES: &[&str] = &["boot", "setting", "departed_identity", "schema_migration"];

/// The functions that are driven: `Tx::insert_run`.
#[must_use]
pub fn driven() -> Vec<&'static str> {
    rows::ROWS.iter().map(|row| row.function).collect()
}

/// Drives every function, and gives what is wrong.
pub async fn drive(bench: Bench, dump: Dump<'_>) -> Vec<String> {
    let mine = Side::make(&bench.store, "mine").await;
    let theirs = Side::make(&bench.store, "theirs").await;
    let (our_marks, their_marks) = (mine.marks(), theirs.marks());
    let mentions = |text: &str, marks: &[String]| marks.iter().any(|mark| text.contains(mark.as_str()));
    let mut wrong = Vec::new();

    let mut before = dump().await;
    let mut tables: Vec<String> = before.iter().map(|(table, _)| table.clone()).collect();
    tables.dedup();
    for table in tables.iter().filter(|table| !WITHOUT_SIDES.contains(&table.as_str())) {
        let of_table = || before.iter().filter(|(of, row)| of == table && !row.is_empty());
        for (label, marks) in [("mine", &our_marks), ("theirs", &their_marks)] {
            if !of_table().any(|(_, row)| mentions(row, marks)) {
                wrong.push(format!(
                    "no row of `{table}` is {label}: the suite cannot show that it is safe"
                ));
            }
        }
    }
    // Whatever is not ours alone must stay as it is.
    let keep_theirs = |rows: &mut Vec<(String, String)>| {
        rows.retain(|(_, row)| mentions(row, &their_marks) || !mentions(row, &our_marks));
        rows.sort();
    };
    keep_theirs(&mut before);
    for row in rows::ROWS {
        let answer = (row.call)(bench.clone(), mine.clone(), theirs.clone()).await;
        let Row { function, .. } = row;
        if !answer.is_as_missing {
            wrong.push(format!("{function} answers {}", answer.text));
        }
        if mentions(&answer.text, &their_marks) {
            wrong.push(format!("{function} tells of the other side: {}", answer.text));
        }
        let mut after = dump().await;
        keep_theirs(&mut after);
        if after != before {
            let of = |rows: &[(String, String)], others: &[(String, String)]| -> Vec<(String, String)> {
                rows.iter().filter(|row| !others.contains(row)).cloned().collect()
            };
            let (gone, new) = (of(&before, &after), of(&after, &before));
            wrong.push(format!(
                "{function} changed what is not its caller's: {gone:?} became {new:?}"
            ));
            before = after;
        }
    }
    wrong
}
