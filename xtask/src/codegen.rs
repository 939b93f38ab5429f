//! `codegen`: writes the generated files that are committed. With `--check` it writes nothing and fails when a committed
//! file differs from what would be written.
//!
//! A generator writes all its files into a directory. Most are examples of packages, which are given the directory as
//! their only argument. To add one, add a line to [`GENERATORS`]; they run in that order, so that one may read what
//! another has made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Codegen {
    /// Compare, and write nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

/// What makes files, and what of the repository it writes all of.
struct Generator {
    /// The name of what it makes.
    name: &'static str,
    maker: Maker,
    /// The directory that its files go to.
    writes: Writes,
}

/// What makes files.
enum Maker {
    /// The example of a package that is called as what it makes.
    Example(&'static str),
    /// The types of TypeScript, of the description of the API that was just made.
    TypeScript,
}

/// What of the repository is generated.
enum Writes {
    /// Everything in a directory.
    Directory(&'static str),
    /// One file, among others. It is made under the path that it has from the repository's root.
    File(&'static str),
}

const GENERATORS: &[Generator] = &[
    Generator {
        name: "schemas",
        maker: Maker::Example("codecourier-domain"),
        writes: Writes::Directory("schemas"),
    },
    Generator {
        name: "openapi",
        maker: Maker::Example("codecourier-api"),
        writes: Writes::File("openapi.json"),
    },
    Generator {
        name: "typescript",
        maker: Maker::TypeScript,
        writes: Writes::File("web/src/api/schema.d.ts"),
    },
    Generator {
        name: "agents",
        maker: Maker::Example("codecourier-it"),
        writes: Writes::File("docs/agents.md"),
    },
];

impl Codegen {
    pub(crate) fn run(&self) -> Outcome {
        setup::run_for_codegen()?;
        let place = workspace::target_directory(&workspace::metadata()?).join("codegen");
        for generator in GENERATORS {
            let made = place.join(generator.name);
            let (committed, present) = generator.writes.read()?;
            generator.run(&place, &made)?;
            let changes = compare(&present, &read_tree(&made)?);
            if changes.is_empty() {
                continue;
            }
            let shown = |path: &PathBuf| {
                let path = committed.join(path);
                path.strip_prefix(workspace::root())
                    .unwrap_or(&path)
                    .display()
                    .to_string()
            };
            let list: Vec<String> = changes.iter().map(shown).collect();
            if self.check {
                return Err(format!(
                    "generated files are out of date (run `cargo xtask codegen`): {}",
                    list.join(", ")
                ));
            }
            replace_tree(&committed, &present, &made)?;
            for path in list {
                terminal::note(&format!("wrote {path}"));
            }
        }
        Ok(())
    }
}

impl Writes {
    /// Where it is, and what is there.
    fn read(&self) -> Result<(PathBuf, Tree), String> {
        match self {
            Self::Directory(name) => {
                let directory = workspace::root().join(name);
                let tree = read_tree(&directory)?;
                Ok((directory, tree))
            }
            Self::File(name) => {
                let present = fs::read(workspace::root().join(name)).ok();
                let tree = present.into_iter().map(|text| (PathBuf::from(name), text)).collect();
                Ok((workspace::root().to_owned(), tree))
            }
        }
    }
}

impl Generator {
    fn run(&self, place: &Path, directory: &Path) -> Outcome {
        if directory.exists() {
            fs::remove_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        match self.maker {
            Maker::Example(package) => {
                let directory = directory.display().to_string();
                let name = self.name;
                spawn::run(&[
                    "cargo",
                    "run",
                    "--quiet",
                    "--package",
                    package,
                    "--example",
                    name,
                    "--",
                    &directory,
                ])
            }
            Maker::TypeScript => {
                let description = place.join("openapi/openapi.json").display().to_string();
                let types = directory.join("web/src/api/schema.d.ts").display().to_string();
                // What it says is said on success, too.
                spawn::output(&[
                    "node",
                    "web/tools/api-types/node_modules/openapi-typescript/bin/cli.js",
                    &description,
                    "--empty-objects-unknown",
                    "--root-types",
                    "--root-types-no-schema-prefix",
                    "--output",
                    &types,
                ])?;
                let compiler = "web/tools/api-types/node_modules/typescript/bin/tsc";
                spawn::run(&["node", compiler, "--noEmit", "--strict", "--target", "es2022", &types])
            }
        }
    }
}

type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn read_tree(directory: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.strip_prefix(directory).unwrap_or(&path).to_owned();
            tree.insert(name, text);
        }
    }
    Ok(tree)
}

/// The files that are new, gone or different.
fn compare(committed: &Tree, made: &Tree) -> Vec<PathBuf> {
    let mut names: Vec<&PathBuf> = committed.keys().chain(made.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| committed.get(*name) != made.get(*name))
        .cloned()
        .collect()
}

fn replace_tree(committed: &Path, present: &Tree, made: &Path) -> Outcome {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    for name in present.keys() {
        let path = committed.join(name);
        fs::remove_file(&path).map_err(|error| failed(&path, error))?;
    }
    for (name, text) in read_tree(made)? {
        let path = committed.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn new_changed_and_deleted_files_are_found() {
        let committed = tree(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
        let made = tree(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        assert_eq!(
            compare(&committed, &made),
            ["changed", "gone", "new"].map(PathBuf::from)
        );
        assert!(compare(&made, &made).is_empty());
    }
}
