//! Which package of the workspace may depend on which: the walls of the architecture. Everything not listed is an error.

use cargo_metadata::{DependencyKind, Metadata};

/// A dependency between two packages of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) is_for_tests: bool,
}

/// What each package may depend on, without the common `codecourier-`. A new package needs a new row.
const WALLS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("e2b", &[]),
    ("envd", &["e2b"]),
    ("wire", &["domain"]),
    ("store", &["domain"]),
    ("agents", &["domain"]),
    ("gateway", &["domain"]),
    ("forge", &["domain"]),
    ("identity", &["domain"]),
    ("sandbox", &["domain", "e2b"]),
    (
        "engine",
        &["domain", "store", "sandbox", "agents", "gateway", "forge", "identity"],
    ),
    ("api", &["engine", "wire", "domain"]),
    (
        "codecourier",
        &[
            "domain", "store", "sandbox", "e2b", "agents", "gateway", "forge", "identity", "engine", "wire", "api",
        ],
    ),
    (
        "testkit",
        &[
            "domain", "store", "sandbox", "e2b", "agents", "gateway", "forge", "identity", "engine", "wire", "api",
        ],
    ),
    (
        "it",
        &[
            "domain",
            "store",
            "sandbox",
            "e2b",
            "agents",
            "gateway",
            "forge",
            "identity",
            "engine",
            "wire",
            "api",
            "codecourier",
        ],
    ),
    (
        "fuzz",
        &[
            "domain", "store", "e2b", "agents", "gateway", "forge", "identity", "engine", "api",
        ],
    ),
    ("xtask", &[]),
];

/// The package that only tests may use.
const TESTKIT: &str = "testkit";

/// The packages that are tests themselves.
const TESTS: [&str; 1] = ["it"];

/// The edges between the workspace's own packages.
pub(super) fn of(metadata: &Metadata) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            if dependency.path.is_some() {
                edges.push(Edge {
                    from: short(package.name.as_str()),
                    to: short(&dependency.name),
                    is_for_tests: dependency.kind == DependencyKind::Development,
                });
            }
        }
    }
    edges
}

/// A line for each edge that the walls forbid.
pub(super) fn check(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(violation).collect()
}

fn violation(edge: &Edge) -> Option<String> {
    let Edge { from, to, is_for_tests } = edge;
    let Some((_, allowed)) = WALLS.iter().find(|(package, _)| package == from) else {
        return Some(format!("package `{from}` has no row in xtask/src/tidy/edges.rs"));
    };
    if to == TESTKIT {
        let is_fine = *is_for_tests || TESTS.contains(&from.as_str());
        return (!is_fine).then(|| format!("`{from}` may use `{TESTKIT}` in [dev-dependencies] only"));
    }
    let is_fine = allowed.contains(&to.as_str());
    (!is_fine).then(|| {
        format!(
            "`{from}` may not depend on `{to}` (architecture: {})",
            row(from, allowed)
        )
    })
}

fn row(from: &str, allowed: &[&str]) -> String {
    if allowed.is_empty() {
        format!("{from} → nothing")
    } else {
        format!("{from} → {}", allowed.join(", "))
    }
}

fn short(name: &str) -> String {
    name.strip_prefix("codecourier-").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            is_for_tests: false,
        }
    }

    #[test]
    fn the_edges_of_the_architecture_pass() {
        let edges = [
            edge("sandbox", "e2b"),
            edge("engine", "forge"),
            edge("codecourier", "engine"),
        ];
        assert_eq!(check(&edges), Vec::<String>::new());
    }

    #[test]
    fn an_edge_through_a_wall_is_named_with_what_is_allowed() {
        assert_eq!(
            check(&[edge("gateway", "store")]),
            ["`gateway` may not depend on `store` (architecture: gateway → domain)"]
        );
        assert_eq!(
            check(&[edge("domain", "store")]),
            ["`domain` may not depend on `store` (architecture: domain → nothing)"]
        );
    }

    #[test]
    fn a_wall_holds_for_tests_too() {
        let for_tests = Edge {
            is_for_tests: true,
            ..edge("store", "engine")
        };
        assert_eq!(check(&[for_tests]).len(), 1);
    }

    #[test]
    fn testkit_is_for_tests_only() {
        assert_eq!(check(&[edge("store", "testkit")]).len(), 1);
        assert!(
            check(&[Edge {
                is_for_tests: true,
                ..edge("store", "testkit")
            }])
            .is_empty()
        );
        assert!(check(&[edge("it", "testkit")]).is_empty());
    }

    #[test]
    fn a_package_without_a_row_is_an_error() {
        assert_eq!(check(&[edge("newcomer", "domain")]).len(), 1);
    }
}
