//! A PostgreSQL server of the test's own: a fresh cluster in a temporary directory, on a socket only.
//!
//! Any test may call [`Server::shared`] and take a database from it. Invariants: the server runs as an ordinary user,
//! since it refuses root, and with `fsync` on, since tests are about what survives; it ends, and its directory goes,
//! when the test process ends in whatever way, because a guardian waits for the end of a pipe that only that process
//! holds open.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::spawn;

/// Said when there is no PostgreSQL on the machine.
const MISSING: &str = "PostgreSQL is not installed: `cargo xtask setup` installs it";

/// What the guardian does: make the cluster, start it, say so, wait for the end of its input, and clean up.
///
/// `$1` directory, `$2` programs, the rest is what comes before each program to become the right user.
const GUARDIAN: &str = r#"
directory="$1"; programs="$2"; shift 2
clean() { "$@" "$programs/pg_ctl" stop -D "$directory/data" -m immediate -s; rm -rf "$directory"; }
if "$@" "$programs/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$directory/initdb.log" 2>&1 &&
   "$@" "$programs/pg_ctl" start -D "$directory/data" -l "$directory/server.log" -w -t 60 -s -o "-c listen_addresses='' -c unix_socket_directories='$directory' -c unix_socket_permissions=0777 -c fsync=on -c max_connections=200" >/dev/null 2>&1
then echo ready; else echo failed; fi
exec >/dev/null
read -r _
clean "$@" 2>/dev/null
"#;

/// A running server.
#[derive(Debug)]
pub struct Server {
    directory: PathBuf,
    programs: PathBuf,
    /// Its input is the pipe that keeps the server alive.
    _guardian: Child,
    databases: AtomicU32,
}

/// The user whom the server runs as.
#[derive(Debug, Clone, Copy)]
enum RunAs {
    Ourselves,
    User(&'static str),
}

impl Server {
    /// The server of this process, started at the first call.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server for one test alone, to be crashed by it.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not start.
    #[must_use]
    pub fn start() -> Self {
        let programs = programs().expect(MISSING);
        let run_as = run_as();
        let directory = tempfile::Builder::new()
            .prefix("cc-pg-")
            .tempdir()
            .expect("a temporary directory");
        // Others may pass: the server's user to its data, the test to the socket.
        fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("permissions of the temporary directory");
        if let RunAs::User(user) = run_as {
            let owned = spawn::command("chown").arg(user).arg(directory.path()).status();
            assert!(
                owned.is_ok_and(|status| status.success()),
                "the directory could not be given to `{user}`"
            );
        }
        // In a session of its own, so that whatever ends the test's process group leaves the clean-up alive.
        let mut guardian = spawn::command("setsid")
            .args(["sh", "-c", GUARDIAN, "guardian"])
            .args([directory.path(), &programs])
            .args(run_as.prefix())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut said = String::new();
        let output = guardian.stdout.take().expect("the output was piped");
        BufReader::new(output)
            .read_line(&mut said)
            .expect("a line of the guardian");
        let log = || {
            ["initdb.log", "server.log"].map(|name| fs::read_to_string(directory.path().join(name)).unwrap_or_default())
        };
        assert_eq!(said.trim(), "ready", "PostgreSQL did not start: {}", log().join("\n"));
        Self {
            directory: directory.keep(),
            programs,
            _guardian: guardian,
            databases: AtomicU32::new(0),
        }
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let created = self
            .program("createdb")
            .arg("-h")
            .arg(&self.directory)
            .args(["-U", "postgres", &name])
            .status();
        assert!(
            created.is_ok_and(|status| status.success()),
            "the database `{name}` could not be made"
        );
        format!("postgres:///{name}?user=postgres&host={}", self.directory.display())
    }

    /// Everything in a database, as SQL.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn dump(&self, url: &str) -> Vec<u8> {
        let dumped = self.program("pg_dump").arg(url).output().expect("pg_dump starts");
        let said = String::from_utf8_lossy(&dumped.stderr);
        assert!(dumped.status.success(), "the database cannot be dumped: {said}");
        dumped.stdout
    }

    /// Stops the server as a crash would, without a word to its clients, and starts it again.
    ///
    /// # Panics
    /// When it does not come back.
    pub fn crash_and_restart(&self) {
        let prefix = run_as().prefix();
        let mut command = match prefix.split_first() {
            Some((program, arguments)) => {
                let mut command = spawn::command(program);
                command.args(arguments).arg(self.programs.join("pg_ctl"));
                command
            }
            None => self.program("pg_ctl"),
        };
        command
            .args(["restart", "-m", "immediate", "-w", "-t", "60", "-s", "-D"])
            .arg(self.directory.join("data"));
        command.arg("-l").arg(self.directory.join("server.log"));
        assert!(
            command.status().is_ok_and(|status| status.success()),
            "the server did not come back"
        );
    }

    fn program(&self, name: &str) -> Command {
        spawn::command(self.programs.join(name))
    }
}

impl RunAs {
    fn prefix(self) -> Vec<&'static str> {
        match self {
            Self::Ourselves => Vec::new(),
            Self::User("postgres") => vec!["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"],
            Self::User(_) => vec!["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"],
        }
    }
}

/// The server refuses root; any other user will do.
fn run_as() -> RunAs {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0);
    if !is_root {
        return RunAs::Ourselves;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let has_postgres = users.lines().any(|line| line.starts_with("postgres:"));
    RunAs::User(if has_postgres { "postgres" } else { "nobody" })
}

/// The directory of the newest PostgreSQL on the machine.
fn programs() -> Option<PathBuf> {
    let has_server = |directory: &Path| ["initdb", "pg_ctl"].iter().all(|name| directory.join(name).is_file());
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, directory)| has_server(directory))
        .collect();
    versions.sort();
    versions.pop().map(|(_, directory)| directory).or_else(|| {
        // A link in the search path leads to where the other programs are.
        let found = spawn::search_path()
            .into_iter()
            .find(|directory| has_server(directory))?;
        fs::canonicalize(found.join("initdb"))
            .ok()?
            .parent()
            .map(Path::to_owned)
    })
}
