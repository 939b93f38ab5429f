//! Reading the head of a bundle that a sandbox made. Pure; the first thing that sees hostile bytes.
//!
//! Invariants: reads at most [`MAX_HEADER_BYTES`], allocates no more than that a few times over, never panics. Whatever is
//! not exactly the format that `git bundle create` writes is a problem with a name.

use std::fmt;

use crate::commit::{CommitId, ObjectFormat};

/// More than this before the pack begins is refused. A bundle of one branch has a few lines.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The head of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleHeader {
    /// The hash function of the repository it came from.
    pub format: ObjectFormat,
    /// Commits that the receiver must have.
    pub prerequisites: Vec<CommitId>,
    /// The references in it: full name as bytes made readable, and commit.
    pub references: Vec<(String, CommitId)>,
    /// Where the pack begins.
    pub pack_offset: u64,
    /// How many objects the pack says it has.
    pub object_count: u32,
}

/// What is wrong with the head of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderProblem {
    /// The first line is not that of a bundle of version 2 or 3.
    Signature,
    /// The file ends before the pack begins.
    Truncated,
    /// The head is longer than [`MAX_HEADER_BYTES`].
    TooLong,
    /// A capability other than `object-format`, or an unknown format. A filtered bundle lacks objects.
    Capability,
    /// A line that is neither a prerequisite nor a reference.
    Line,
    /// What follows is no pack of version 2.
    Pack,
}

impl fmt::Display for HeaderProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Signature => "it does not begin like one",
            Self::Truncated => "it ends before its pack begins",
            Self::TooLong => "its head is too long",
            Self::Capability => "it asks for a capability that is not supported",
            Self::Line => "its head has a line that is neither a prerequisite nor a reference",
            Self::Pack => "its head is not followed by a pack",
        })
    }
}

/// Reads the head from the first bytes of a bundle: the whole file, or at least [`MAX_HEADER_BYTES`] + 12 of it.
pub fn parse_header(bytes: &[u8]) -> Result<BundleHeader, HeaderProblem> {
    let mut lines = Lines { bytes, offset: 0 };
    let version_three = match lines.next()? {
        b"# v2 git bundle" => false,
        b"# v3 git bundle" => true,
        _ => return Err(HeaderProblem::Signature),
    };
    let mut header = BundleHeader {
        format: ObjectFormat::Sha1,
        prerequisites: Vec::new(),
        references: Vec::new(),
        pack_offset: 0,
        object_count: 0,
    };
    loop {
        let line = lines.next()?;
        match line {
            [] => break,
            [b'@', capability @ ..] if version_three && header.is_without_lines() => {
                header.format = match capability {
                    b"object-format=sha1" => ObjectFormat::Sha1,
                    b"object-format=sha256" => ObjectFormat::Sha256,
                    _ => return Err(HeaderProblem::Capability),
                };
            }
            // Anything may follow the commit: Git puts the subject there.
            [b'-', rest @ ..] if header.references.is_empty() => {
                let (commit, _) = split_commit(rest, header.format)?;
                header.prerequisites.push(commit);
            }
            rest => {
                let (commit, name) = split_commit(rest, header.format)?;
                let name = std::str::from_utf8(name.ok_or(HeaderProblem::Line)?).map_err(|_| HeaderProblem::Line)?;
                header.references.push((name.to_owned(), commit));
            }
        }
    }
    header.pack_offset = lines.offset as u64;
    match bytes[lines.offset..] {
        [b'P', b'A', b'C', b'K', 0, 0, 0, 2, a, b, c, d, ..] => {
            header.object_count = u32::from_be_bytes([a, b, c, d]);
            Ok(header)
        }
        [_, _, _, _, _, _, _, _, _, _, _, _, ..] => Err(HeaderProblem::Pack),
        _ => Err(HeaderProblem::Truncated),
    }
}

impl BundleHeader {
    fn is_without_lines(&self) -> bool {
        self.prerequisites.is_empty() && self.references.is_empty()
    }
}

struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], HeaderProblem> {
        let rest = &self.bytes[self.offset..];
        let window = &rest[..rest.len().min(MAX_HEADER_BYTES.saturating_sub(self.offset))];
        match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.offset += end + 1;
                Ok(&window[..end])
            }
            None if window.len() < rest.len() => Err(HeaderProblem::TooLong),
            None => Err(HeaderProblem::Truncated),
        }
    }
}

/// `<commit>` or `<commit> <rest>`.
fn split_commit(line: &[u8], format: ObjectFormat) -> Result<(CommitId, Option<&[u8]>), HeaderProblem> {
    let digits = format.name_bytes() * 2;
    let name = line.get(..digits).and_then(|name| std::str::from_utf8(name).ok());
    let commit = name.and_then(|name| name.parse().ok()).ok_or(HeaderProblem::Line)?;
    match &line[digits..] {
        [] => Ok((commit, None)),
        [b' ', rest @ ..] => Ok((commit, Some(rest))),
        _ => Err(HeaderProblem::Line),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMIT: &str = "72db5edc1bf449f11c43241681e46a6eac514c66";
    const OTHER: &str = "57d47abae49e6632a1ae854f92ea724a00364782";
    const PACK: &[u8] = b"PACK\0\0\0\x02\0\0\0\x07rest";

    fn bundle(head: &str) -> Vec<u8> {
        [head.as_bytes(), PACK].concat()
    }

    #[test]
    fn a_bundle_of_one_branch_is_read() {
        let head = format!("# v2 git bundle\n-{OTHER} the subject\n{COMMIT} refs/heads/x\n\n");
        let header = parse_header(&bundle(&head)).unwrap();
        assert_eq!(header.prerequisites, [OTHER.parse().unwrap()]);
        assert_eq!(
            header.references,
            [("refs/heads/x".to_owned(), COMMIT.parse().unwrap())]
        );
        assert_eq!(header.pack_offset, head.len() as u64);
        assert_eq!(header.object_count, 7);
    }

    #[test]
    fn a_sha256_bundle_is_read() {
        let commit = "ab".repeat(32);
        let head = format!("# v3 git bundle\n@object-format=sha256\n-{commit}\n{commit} refs/heads/x\n\n");
        let header = parse_header(&bundle(&head)).unwrap();
        assert_eq!(header.format, ObjectFormat::Sha256);
        assert_eq!(header.prerequisites.len(), 1);
    }

    #[test]
    fn each_malformed_head_has_its_problem() {
        use HeaderProblem as P;
        for (head, problem) in [
            ("PACK".to_owned(), P::Truncated),
            ("# v4 git bundle\n\n".to_owned(), P::Signature),
            (format!("# v2 git bundle\n{COMMIT} refs/heads/x\n"), P::Truncated),
            ("# v3 git bundle\n@filter=blob:none\n\n".to_owned(), P::Capability),
            ("# v2 git bundle\n@object-format=sha1\n\n".to_owned(), P::Line),
            (
                format!("# v3 git bundle\n{COMMIT} refs/heads/x\n@object-format=sha256\n\n"),
                P::Line,
            ),
            (format!("# v2 git bundle\n{COMMIT}\n\n"), P::Line),
            (format!("# v2 git bundle\n{COMMIT} a\n-{OTHER}\n\n"), P::Line),
            (
                format!("# v2 git bundle\n{} refs/heads/x\n\n", COMMIT.to_uppercase()),
                P::Line,
            ),
            (format!("# v2 git bundle\n{} refs/heads/x\n\n", "0".repeat(40)), P::Line),
            (
                format!("# v2 git bundle\n{COMMIT} {}\n\n", "x".repeat(MAX_HEADER_BYTES)),
                P::TooLong,
            ),
        ] {
            assert_eq!(parse_header(&bundle(&head)), Err(problem), "{head:.80}");
        }
        assert_eq!(parse_header(b""), Err(P::Truncated));
        assert_eq!(
            parse_header(format!("# v2 git bundle\n{COMMIT} x\n\nPACK").as_bytes()),
            Err(P::Truncated)
        );
        assert_eq!(
            parse_header(format!("# v2 git bundle\n{COMMIT} x\n\nPACK\0\0\0\x03\0\0\0\0").as_bytes()),
            Err(P::Pack)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_header(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic(position in 0usize..160, byte: u8) {
            let mut bytes = bundle(&format!("# v2 git bundle\n-{OTHER} s\n{COMMIT} refs/heads/x\n\n"));
            let index = position % bytes.len();
            bytes[index] = byte;
            if let Ok(header) = parse_header(&bytes) {
                prop_assert!(header.pack_offset as usize + 12 <= bytes.len());
            }
        }
    }
}
