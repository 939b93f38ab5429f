//! `setup`: finds what is missing, installs it where it can, and says in one line how otherwise. Looking costs a few
//! milliseconds, so the other verbs begin with it.

use std::path::Path;

use crate::{Outcome, host, spawn, terminal, workspace};

/// The test runner, at the version whose configuration and output we know.
const NEXTEST: &str = "0.9.143";

/// A thing that must be there.
struct Need {
    /// What it is for, in a message.
    purpose: &'static str,
    is_there: fn() -> bool,
    /// Debian's package.
    package: &'static str,
}

const NEEDS: [Need; 8] = [
    Need {
        purpose: "git: repositories of projects",
        is_there: || host::program("git").is_some(),
        package: "git",
    },
    Need {
        purpose: "cc and a static C library: the daemon inside sandboxes",
        is_there: || host::program("cc").is_some() && has_static_libc(),
        package: "build-essential",
    },
    Need {
        purpose: "mmdebstrap: templates of sandboxes",
        is_there: || host::program("mmdebstrap").is_some(),
        package: "mmdebstrap",
    },
    Need {
        purpose: "Debian's archive keys: templates of sandboxes",
        is_there: || Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists(),
        package: "debian-archive-keyring",
    },
    Need {
        purpose: "newuidmap: sandboxes of an ordinary user",
        is_there: || host::program("newuidmap").is_some(),
        package: "uidmap",
    },
    Need {
        purpose: "npm: fetches agents and Node.js for templates, and what tests start",
        is_there: || host::program("npm").is_some(),
        package: "npm",
    },
    Need {
        purpose: "Python with virtual environments: what tests start",
        is_there: host::has_python_environments,
        package: "python3-venv",
    },
    Need {
        purpose: "a PostgreSQL server: the store's tests on it",
        is_there: || host::postgresql().is_some(),
        package: "postgresql",
    },
];

/// What only tests need besides.
const NEEDS_OF_TESTS: [Need; 1] = [Need {
    purpose: "Chromium: the tests of the user interface",
    is_there: || host::browser().is_some(),
    package: "chromium",
}];

/// What tests start from npm: the directory of its `package.json` and its lock, and what it is.
const OF_NPM: [(&str, &str); 2] = [
    (
        "crates/testkit/oidc-provider",
        "an OpenID provider: the tests of sign-in",
    ),
    FOR_BROWSER,
];

/// What drives a browser.
const FOR_BROWSER: (&str, &str) = (
    "tests/browser",
    "what drives a browser: the tests of the user interface",
);

/// What makes the types of the API for the web page.
const FOR_TYPES: (&str, &str) = ("web/tools/api-types", "TypeScript: the types of the API");

/// What the user interface is made with.
const FOR_WEB: (&str, &str) = ("web", "what the user interface is made with");

/// What tests start from `PyPI`: the directory of its `requirements.txt`, and what it is. Each gets an environment of its
/// own, `.venv` in that directory.
const OF_PYPI: [(&str, &str); 2] = [
    ("crates/testkit/mail-server", "a mail server: the tests of mail"),
    (
        "crates/testkit/schemathesis",
        "schemathesis: the test of the API's contract",
    ),
];

/// What building and running need.
pub(crate) fn run() -> Outcome {
    install_missing(&NEEDS)?;
    if host::program("cargo-nextest").is_none() {
        terminal::heading("setup: building the test runner, once (a few minutes)");
        let version = format!("cargo-nextest@{NEXTEST}");
        spawn::run(&["cargo", "install", "--locked", &version])?;
    }
    Ok(())
}

/// The same, and what only tests need.
pub(crate) fn run_for_tests() -> Outcome {
    run()?;
    install_missing(&NEEDS_OF_TESTS)?;
    for (directory, purpose) in OF_NPM {
        of_npm(directory, purpose)?;
    }
    run_for_codegen()?;
    run_for_web()?;
    for (directory, purpose) in OF_PYPI {
        install_by_lock(directory, "requirements.txt", ".venv", purpose, || {
            let environment = format!("{directory}/.venv");
            spawn::run(&["python3", "-m", "venv", "--clear", &environment])?;
            spawn::run(&[
                &format!("{environment}/bin/python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
                // Wheels run nothing when they are installed.
                "--only-binary=:all:",
                &format!("--requirement={directory}/requirements.txt"),
            ])
        })?;
    }
    Ok(())
}

/// What making generated files needs, besides what building does.
pub(crate) fn run_for_codegen() -> Outcome {
    let (directory, purpose) = FOR_TYPES;
    of_npm(directory, purpose)
}

/// What measuring the user interface in a browser needs.
pub(crate) fn run_for_browser() -> Outcome {
    install_missing(&NEEDS_OF_TESTS)?;
    let (directory, purpose) = FOR_BROWSER;
    of_npm(directory, purpose)
}

/// What building the user interface needs.
pub(crate) fn run_for_web() -> Outcome {
    let (directory, purpose) = FOR_WEB;
    of_npm(directory, purpose)
}

fn of_npm(directory: &str, purpose: &str) -> Outcome {
    install_by_lock(directory, "package-lock.json", "node_modules", purpose, || {
        spawn::run(&[
            "npm",
            "ci",
            "--prefix",
            directory,
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
    })
}

/// Installs what a lock names into a folder beside it, unless that was installed by the very same lock.
fn install_by_lock(
    directory: &str,
    lock: &str,
    folder: &str,
    purpose: &str,
    install: impl FnOnce() -> Outcome,
) -> Outcome {
    let directory_path = workspace::root().join(directory);
    let locked = std::fs::read(directory_path.join(lock)).map_err(|error| format!("{directory}/{lock}: {error}"))?;
    // Beside what was installed lies the lock that it was installed by.
    let installed_by = directory_path.join(folder).join(".installed-by");
    if std::fs::read(&installed_by).is_ok_and(|installed| installed == locked) {
        return Ok(());
    }
    terminal::heading(&format!("setup: installing {purpose}"));
    install()?;
    std::fs::write(&installed_by, locked).map_err(|error| format!("{}: {error}", installed_by.display()))
}

fn install_missing(needs: &[Need]) -> Outcome {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    terminal::heading("setup: installing what is missing");
    for need in &missing {
        terminal::note(need.purpose);
    }
    install(&missing.iter().map(|need| need.package).collect::<Vec<_>>())?;
    match missing.iter().find(|need| !(need.is_there)()) {
        None => Ok(()),
        Some(need) => Err(format!(
            "`{}` was installed, but is still not found: {}",
            need.package, need.purpose
        )),
    }
}

fn install(packages: &[&str]) -> Outcome {
    let line = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !host::has_apt() {
        return Err(format!(
            "not a Debian system: please install what Debian calls {}",
            packages.join(", ")
        ));
    }
    if !host::is_root() {
        return Err(format!("please run: sudo {line}"));
    }
    let install: Vec<&str> = line.split(' ').collect();
    let quiet = [("DEBIAN_FRONTEND", "noninteractive".to_owned())];
    // The package lists of a fresh container are empty or old: fetched only when it does not go without.
    spawn::run_with(&install, &quiet).or_else(|_| {
        spawn::run_with(&["apt-get", "update"], &quiet)?;
        spawn::run_with(&install, &quiet)
    })
}

fn has_static_libc() -> bool {
    [
        "/usr/lib/x86_64-linux-gnu/libc.a",
        "/usr/lib/aarch64-linux-gnu/libc.a",
        "/usr/lib64/libc.a",
        "/usr/lib/libc.a",
    ]
    .iter()
    .any(|path| Path::new(path).exists())
}
