//! Rules about texts: manifests, sources, the list of what is linked.

use std::collections::BTreeSet;
use std::path::Path;

/// A file longer than this is printed, as a hint to split it.
const LONG: usize = 500;

/// Packages that may not be linked: one provider of cryptography, and it is another.
const BANNED: [&str; 5] = ["native-tls", "openssl", "openssl-sys", "ring", "rsa"];

/// Places of somebody's machine or company that have no business in a public repository. Written in two parts so
/// that this file does not break its own rule.
const PRIVATE: [&str; 8] = [
    concat!("/wo", "rk/main"),
    concat!("/wo", "rk/shared"),
    concat!("/wo", "rk/."),
    concat!("artifact", "ory"),
    concat!("codeartifact", "."),
    concat!("verda", "ccio"),
    concat!("jfrog", ".io"),
    concat!("pkg", ".dev/"),
];

/// The rules of a package's `Cargo.toml`.
pub(super) fn check_manifest(path: &str, text: &str) -> Option<String> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    let has_lints = lines
        .find(|line| !line.is_empty())
        .is_some_and(|line| line == "workspace = true");
    (!has_lints).then(|| format!("{path}: has no `[lints]` with `workspace = true`"))
}

/// The rules of what is linked, given as `cargo tree` prints it: a name first on each line. The lock file would not do,
/// since it also names what no enabled feature uses.
pub(super) fn check_linked(tree: &str) -> Vec<String> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names
        .into_iter()
        .filter(|name| BANNED.contains(name))
        .map(|name| format!("`{name}` may not be linked: see `cargo tree --invert {name}`"))
        .collect()
}

/// The rules of any tracked text file.
pub(super) fn check_file(path: &Path, text: &str) -> Vec<String> {
    let name = path.display();
    let mut violations = Vec::new();
    let is_lock_file = path
        .file_name()
        .is_some_and(|name| name == "Cargo.lock" || name == "package-lock.json");
    if !is_lock_file {
        for (index, line) in text.lines().enumerate() {
            if let Some(private) = PRIVATE.iter().find(|private| names_place(line, private)) {
                violations.push(format!(
                    "{name}:{}: names `{private}`, a place of one machine or company",
                    index + 1
                ));
            }
        }
    }
    if !is_rust(path) {
        return violations;
    }
    if is_module(path) && !text.trim_start().starts_with("//!") {
        violations.push(format!(
            "{name}: a module begins with `//!`: what it is, who may call it, what always holds"
        ));
    }
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("#[ignore") {
            violations.push(format!(
                "{name}:{}: a test that is not run: fix it or delete it",
                index + 1
            ));
        }
    }
    violations
}

/// The number of lines, if that is worth mentioning.
pub(super) fn length_to_report(path: &Path, text: &str) -> Option<usize> {
    let lines = text.lines().count();
    (is_rust(path) && lines > LONG).then_some(lines)
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Sources of a package, as opposed to its build script.
fn is_module(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str());
    let first = parts.next().and_then(|part| part.to_str()).unwrap_or_default();
    let is_source = parts.any(|part| part == "src");
    is_source && ["crates", "xtask", "tests", "fuzz"].contains(&first)
}

/// Whether the place stands in the line. A path must begin there: `"{directory}/name/"` is not the root's `/name/`.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !place.starts_with('/') || before.is_none_or(|before| before.is_whitespace() || "\"'`(=:,<>[|".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        check_file(Path::new(path), text)
    }

    #[test]
    fn a_module_without_its_words_is_found() {
        assert_eq!(check("crates/store/src/open.rs", "use std::fs;\n").len(), 1);
        assert!(check("crates/store/src/open.rs", "//! Opens.\nuse std::fs;\n").is_empty());
        assert!(check("crates/store/build.rs", "fn main() {}\n").is_empty());
        assert!(check("docs/page.md", "words").is_empty());
    }

    #[test]
    fn a_test_that_is_not_run_is_found() {
        let text = "//! Tests.\n#[test]\n    #[ignore = \"flaky\"]\nfn f() {}\n";
        assert_eq!(check("crates/store/src/open.rs", text).len(), 1);
        assert_eq!(check("crates/store/tests/open.rs", text).len(), 1);
        assert!(check("crates/store/src/open.rs", "//! Words about #[ignore].\n").is_empty());
    }

    #[test]
    fn a_place_of_this_machine_is_found_with_its_line() {
        let place = ["/wo", "rk/"].concat();
        assert_eq!(check("README.md", &format!("first\nsee {place}main\n")).len(), 1);
        assert!(check("README.md", &format!("see {place}main\n"))[0].starts_with("README.md:1:"));
        assert_eq!(check("x.json", &format!("\"{place}main\"")).len(), 1);
        assert!(check("src/overlay.md", &format!("upper and {{state}}{place}main\n")).is_empty());
        assert!(check("Cargo.lock", &["https://jfrog", ".io/x"].concat()).is_empty());
        assert_eq!(check("x.toml", &["https://a.jfrog", ".io/x"].concat()).len(), 1);
    }

    #[test]
    fn a_package_without_the_lints_is_found() {
        let good = "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n";
        assert_eq!(check_manifest("x", good), None);
        assert!(
            check_manifest(
                "x",
                "[package]\nname = \"x\"\n[lints]\n[dependencies]\nworkspace = true\n"
            )
            .is_some()
        );
        assert!(check_manifest("x", "[package]\nname = \"x\"\n").is_some());
    }

    #[test]
    fn a_banned_package_is_found() {
        let tree = "rsa v0.9.8\nopenssl-probe v0.1.6\nrsa v0.9.8 (*)\n";
        assert_eq!(
            check_linked(tree),
            ["`rsa` may not be linked: see `cargo tree --invert rsa`"]
        );
    }

    #[test]
    fn only_long_sources_are_mentioned() {
        assert_eq!(length_to_report(Path::new("a.rs"), &"x\n".repeat(501)), Some(501));
        assert_eq!(length_to_report(Path::new("a.rs"), &"x\n".repeat(500)), None);
        assert_eq!(length_to_report(Path::new("a.md"), &"x\n".repeat(900)), None);
    }
}
