//! What the objects of a pack are, before anything reads them: their names from the pack's index, their kinds and sizes
//! from `git cat-file`.

use std::collections::HashMap;

use crate::commit::{CommitId, ObjectFormat};
use crate::error::Error;
use crate::receive::Refusal;
use crate::receive::expectation::ReceiveLimits;
use crate::spawn::{GitCommand, Input};

/// An object of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectSize {
    pub(crate) kind: String,
    pub(crate) bytes: u64,
}

/// The names in a pack's index of version 2; `None` if it is not one.
pub(crate) fn names_in_index(index: &[u8], format: ObjectFormat) -> Option<Vec<String>> {
    const FANOUT: usize = 8;
    const NAMES: usize = FANOUT + 256 * 4;
    if !index.starts_with(b"\xfftOc\0\0\0\x02") {
        return None;
    }
    let count = index.get(NAMES - 4..NAMES)?;
    let count = usize::try_from(u32::from_be_bytes(count.try_into().ok()?)).ok()?;
    let width = format.name_bytes();
    let names = index.get(NAMES..NAMES.checked_add(count.checked_mul(width)?)?)?;
    Some(names.chunks_exact(width).map(hex::encode).collect())
}

/// Kind and size of each object, within the limits.
pub(crate) async fn sizes(
    command: GitCommand,
    names: &[String],
    limits: &ReceiveLimits,
) -> Result<HashMap<String, ObjectSize>, Error> {
    let operation = "read the sizes of the step's objects";
    let output = command
        .args([
            "cat-file",
            "--buffer",
            "--batch-check=%(objectname) %(objecttype) %(objectsize)",
        ])
        .input(Input::Bytes((names.join("\n") + "\n").into_bytes()))
        .output_limit(64 * 1024 * 1024)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output);
    let mut sizes = HashMap::with_capacity(names.len());
    let mut total = 0u64;
    for line in text.lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(kind), Some(bytes)) = (words.next(), words.next(), words.next()) else {
            return Err(Error::unreadable(operation, line));
        };
        let bytes = bytes.parse().map_err(|_| Error::unreadable(operation, line))?;
        if bytes > limits.object_bytes {
            return Err(Refusal::ObjectTooLarge {
                name: name.to_owned(),
                bytes,
                limit: limits.object_bytes,
            }
            .into());
        }
        total = total.saturating_add(bytes);
        if total > limits.total_bytes {
            let limit = limits.total_bytes;
            return Err(Refusal::TotalTooLarge { limit }.into());
        }
        let size = ObjectSize {
            kind: kind.to_owned(),
            bytes,
        };
        sizes.insert(name.to_owned(), size);
    }
    Ok(sizes)
}

/// The name and kind of each object (`missing` for none).
pub(crate) async fn kinds(command: GitCommand, commits: &[CommitId]) -> Result<Vec<(String, String)>, Error> {
    let names: Vec<&str> = commits.iter().map(CommitId::as_str).collect();
    let output = command
        .args(["cat-file", "--batch-check=%(objectname) %(objecttype)"])
        .input(Input::Bytes((names.join("\n") + "\n").into_bytes()))
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output);
    let kinds = text.lines().filter_map(|line| line.split_once(' '));
    Ok(kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect())
}

/// The content of each object, in the order asked for, `None` for one that is missing; at most `limit` bytes in all.
pub(crate) async fn contents(command: GitCommand, names: &[String], limit: u64) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let operation = "read links and settings of the step";
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let output = command
        .args(["cat-file", "--buffer", "--batch=%(objectsize)"])
        .input(Input::Bytes((names.join("\n") + "\n").into_bytes()))
        .output_limit(limit)
        .output()
        .await?;
    let unreadable = || Error::unreadable(operation, "a listing that is not one");
    let mut rest = output.as_slice();
    let mut contents = Vec::with_capacity(names.len());
    for _ in names {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        if line.ends_with(" missing") {
            contents.push(None);
            continue;
        }
        let size: usize = line.parse().map_err(|_| unreadable())?;
        contents.push(Some(rest.get(..size).ok_or_else(unreadable)?.to_vec()));
        rest = rest.get(size + 1..).ok_or_else(unreadable)?;
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_lies_about_its_length_is_none() {
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        index.resize(8 + 256 * 4, 0xff);
        assert_eq!(names_in_index(&index, ObjectFormat::Sha1), None);
        index[8 + 255 * 4..].copy_from_slice(&1u32.to_be_bytes());
        assert_eq!(names_in_index(&index, ObjectFormat::Sha1), None);
        index.extend([0xab; 20]);
        assert_eq!(names_in_index(&index, ObjectFormat::Sha1), Some(vec!["ab".repeat(20)]));
    }
}
