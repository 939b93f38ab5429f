//! Reading `git diff-tree -z --raw --numstat`. Pure. Paths in it come from a sandbox, so nothing is assumed of them.

use std::collections::HashMap;

use crate::diff::{FileChange, FileStatus};

/// The files of a diff; `None` if the output is not what Git prints.
pub(crate) fn parse_raw_and_numbers(output: &[u8]) -> Option<Vec<FileChange>> {
    let mut fields = output.split(|byte| *byte == 0).peekable();
    let mut files = Vec::new();
    while fields.peek().is_some_and(|field| field.starts_with(b":")) {
        let status = status_of(fields.next()?)?;
        let first = fields.next()?;
        let (path, previous_path) = match status {
            FileStatus::Renamed | FileStatus::Copied => (fields.next()?, Some(first)),
            FileStatus::Added | FileStatus::Modified | FileStatus::Deleted | FileStatus::TypeChanged => (first, None),
        };
        files.push((path, previous_path, status));
    }
    let mut numbers = HashMap::new();
    while let Some(field) = fields.next() {
        if field.is_empty() {
            continue;
        }
        let mut columns = field.splitn(3, |byte| *byte == b'\t');
        let (additions, deletions, path) = (count(columns.next()?)?, count(columns.next()?)?, columns.next()?);
        // An empty path says that the two paths of a rename follow.
        let path = if path.is_empty() {
            fields.next()?;
            fields.next()?
        } else {
            path
        };
        // A file that became a link is a removal and an addition in the one list, one entry in the other.
        let sums = numbers.entry(path).or_insert((Some(0), Some(0)));
        *sums = (add(sums.0, additions), add(sums.1, deletions));
    }
    let changes = files.into_iter().map(|(path, previous_path, status)| {
        let (additions, deletions) = numbers.get(path).copied().unwrap_or_default();
        FileChange {
            path: readable(path),
            previous_path: previous_path.map(readable),
            status,
            additions,
            deletions,
        }
    });
    Some(changes.collect())
}

fn add(sum: Option<u64>, number: Option<u64>) -> Option<u64> {
    Some(sum?.saturating_add(number?))
}

/// `:100644 100644 <object> <object> M` with a score behind the letter of a rename.
fn status_of(field: &[u8]) -> Option<FileStatus> {
    let letter = field.split(|byte| *byte == b' ').nth(4)?.first()?;
    Some(match letter {
        b'A' => FileStatus::Added,
        b'M' => FileStatus::Modified,
        b'D' => FileStatus::Deleted,
        b'R' => FileStatus::Renamed,
        b'C' => FileStatus::Copied,
        b'T' => FileStatus::TypeChanged,
        _ => return None,
    })
}

/// A number, or a hyphen for a binary file.
#[expect(
    clippy::option_option,
    reason = "the outer absence is a parse failure, the inner one a binary file"
)]
fn count(text: &[u8]) -> Option<Option<u64>> {
    match text {
        b"-" => Some(None),
        digits => std::str::from_utf8(digits).ok()?.parse().ok().map(Some),
    }
}

fn readable(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_renames_and_binaries_are_read() {
        let zero = "0".repeat(40);
        let output = format!(
            ":000000 100644 {zero} {zero} A\0b\0:100644 100644 {zero} {zero} R090\0old\0new\0:100644 100644 {zero} {zero} M\0p\0\
             1\t0\tb\0002\t3\t\0old\0new\0-\t-\tp\0"
        );
        let files = parse_raw_and_numbers(output.as_bytes()).unwrap();
        assert_eq!(files.len(), 3);
        assert_eq!(
            (files[0].status, files[0].additions, files[0].deletions),
            (FileStatus::Added, Some(1), Some(0))
        );
        assert_eq!(files[1].previous_path.as_deref(), Some("old"));
        assert_eq!((files[1].path.as_str(), files[1].additions), ("new", Some(2)));
        assert_eq!((files[2].additions, files[2].deletions), (None, None));
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(output in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_raw_and_numbers(&output);
        }
    }
}
