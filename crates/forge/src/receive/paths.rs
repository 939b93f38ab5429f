//! Which paths may be in a commit that comes out of a sandbox. Pure.
//!
//! They are checked out on other machines: on Windows and macOS too, where several spellings mean the same file. A path
//! that would be `.git` anywhere is refused everywhere.

use std::fmt;

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathProblem {
    /// Empty, absolute, or with an empty part.
    Empty,
    /// A part is `.` or `..`.
    Climbs,
    /// A part is `.git`, or becomes it on some file system.
    GitDirectory,
    /// A control character, or one that changes the direction of text.
    ControlCharacter,
    /// A backslash: a separator on Windows.
    Backslash,
    /// A part is longer than 255 bytes, or the path longer than 4096.
    TooLong,
}

impl fmt::Display for PathProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "it is empty, absolute, or has an empty part",
            Self::Climbs => "it has `.` or `..` in it",
            Self::GitDirectory => "it reaches into Git's own directory, here or on another system",
            Self::ControlCharacter => "it has a control character in it",
            Self::Backslash => "it has a backslash in it, which separates directories on Windows",
            Self::TooLong => "it is too long",
        })
    }
}

/// Checks a path of a tree, as Git stores it.
pub fn check_path(path: &[u8]) -> Result<(), PathProblem> {
    if path.len() > 4096 {
        return Err(PathProblem::TooLong);
    }
    path.split(|byte| *byte == b'/').try_for_each(check_part)
}

fn check_part(part: &[u8]) -> Result<(), PathProblem> {
    if part.is_empty() {
        return Err(PathProblem::Empty);
    }
    if part == b"." || part == b".." {
        return Err(PathProblem::Climbs);
    }
    if part.len() > 255 {
        return Err(PathProblem::TooLong);
    }
    let text = String::from_utf8_lossy(part);
    if is_git_directory(&text) {
        return Err(PathProblem::GitDirectory);
    }
    if part.contains(&b'\\') {
        return Err(PathProblem::Backslash);
    }
    if text
        .chars()
        .any(|character| character.is_control() || is_directional(character))
    {
        return Err(PathProblem::ControlCharacter);
    }
    Ok(())
}

/// Whether some file system takes this name for `.git`.
fn is_git_directory(name: &str) -> bool {
    // HFS+ ignores these and folds case; so may others.
    let visible: String = name.chars().filter(|character| !is_ignorable(*character)).collect();
    [name, &visible]
        .into_iter()
        .any(|name| is_ntfs_name_of(name, ".git") || is_ntfs_name_of(name, "git~1"))
}

/// Whether a name is another spelling of a file that Git reads.
pub(crate) fn is_file_of_git(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    let visible: String = text.chars().filter(|character| !is_ignorable(*character)).collect();
    [".gitmodules", ".gitattributes", ".gitignore", ".mailmap"]
        .iter()
        .any(|wanted| is_ntfs_name_of(&visible, wanted) || is_short_name_of(&visible, wanted))
}

/// Whether a name is `.gitmodules` in some spelling.
pub(crate) fn is_gitmodules(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    let visible: String = text.chars().filter(|character| !is_ignorable(*character)).collect();
    is_ntfs_name_of(&visible, ".gitmodules") || is_short_name_of(&visible, ".gitmodules")
}

/// NTFS ignores case, trailing dots and spaces, and whatever follows a colon (a stream of the same file). A backslash
/// ends the name: what follows is inside.
fn is_ntfs_name_of(name: &str, wanted: &str) -> bool {
    let name = name.split([':', '\\']).next().unwrap_or_default();
    name.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(wanted)
}

/// The short names NTFS may give: `gitmod~1` to `gitmod~4`, and those with a hash, as `gi7eba~1`.
fn is_short_name_of(name: &str, wanted: &str) -> bool {
    let lowered = name.to_ascii_lowercase();
    let Some((stem, number)) = lowered.split_once('~') else {
        return false;
    };
    let number = number.trim_end_matches(['.', ' ']);
    let letters = &wanted[1..];
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = stem.len() == 6 && letters.starts_with(stem);
    let hash = stem.get(2..).unwrap_or_default();
    let is_hashed =
        stem.starts_with(&letters[..2]) && hash.len() == 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number && (is_plain || is_hashed)
}

fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}

fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_of_ordinary_projects_are_taken() {
        for path in [
            "README.md",
            ".github/workflows/ci.yml",
            ".gitignore",
            "src/git/mod.rs",
            "a b/ü~1.txt",
            "...",
            "digit",
            ".gitx",
            "git",
            "日本語/ファイル",
        ] {
            assert_eq!(check_path(path.as_bytes()), Ok(()), "{path}");
        }
        assert_eq!(check_path(b"latin-\xe9.txt"), Ok(()), "not UTF-8");
    }

    #[test]
    fn every_spelling_of_the_git_directory_is_refused() {
        for path in [
            ".git",
            ".git/config",
            "a/.git/hooks/post-checkout",
            ".GIT/config",
            ".Git",
            "git~1",
            "GIT~1/config",
            ".git.",
            ".git ",
            ".git. . ",
            ".git::$INDEX_ALLOCATION/config",
            ".git\\config",
            ".g\u{200c}it/config",
            "\u{feff}.git",
            ".gi\u{206f}T",
        ] {
            assert_eq!(check_path(path.as_bytes()), Err(PathProblem::GitDirectory), "{path:?}");
        }
    }

    #[test]
    fn each_other_problem_has_its_name() {
        use PathProblem as P;
        let long = "x".repeat(256);
        let deep = "d/".repeat(2100);
        for (path, problem) in [
            ("", P::Empty),
            ("/etc/passwd", P::Empty),
            ("a//b", P::Empty),
            ("a/", P::Empty),
            ("../x", P::Climbs),
            ("a/../../x", P::Climbs),
            ("./a", P::Climbs),
            ("a\nb", P::ControlCharacter),
            ("a\u{1b}[31m", P::ControlCharacter),
            ("a\u{7f}", P::ControlCharacter),
            ("a\u{202e}txt.exe", P::ControlCharacter),
            ("a\\b", P::Backslash),
            (long.as_str(), P::TooLong),
            (deep.as_str(), P::TooLong),
        ] {
            assert_eq!(check_path(path.as_bytes()), Err(problem), "{path:?}");
        }
    }

    #[test]
    fn files_that_git_reads_are_known_in_every_spelling() {
        for name in [
            ".gitmodules",
            ".GITMODULES",
            "gitmod~1",
            "GI7EBA~1",
            ".gitmodules .",
            ".git\u{200c}modules",
            ".gitmodules:x",
        ] {
            assert!(is_gitmodules(name.as_bytes()), "{name:?}");
        }
        assert!(is_file_of_git(b".gitattributes"));
        assert!(!is_gitmodules(b"gitmodules"));
        assert!(!is_file_of_git(b"README.md"));
    }

    proptest! {
        #[test]
        fn a_taken_path_stays_inside_and_out_of_git(path in "(\\.\\.|\\.|/|\\.git|\\.GIT|git~1|a|\u{200c}|:| |\\\\){0,8}") {
            if check_path(path.as_bytes()).is_ok() {
                for part in path.split('/') {
                    prop_assert!(!part.is_empty() && part != ".." && part != ".");
                    prop_assert!(!part.to_lowercase().trim_end_matches(['.', ' ']).eq(".git"));
                    prop_assert!(!part.contains('\\'));
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(path in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = check_path(&path);
            let _ = is_file_of_git(&path);
        }
    }
}
