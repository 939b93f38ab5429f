//! The real binary, started as its users start it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use codecourier_sandbox::ns::{Leftovers, NsBackend, NsConfig};

/// A data directory for one test. Templates are shared by all tests, so that none has to build them.
pub struct Installation {
    directory: tempfile::TempDir,
}

impl Installation {
    /// An empty one, with the shared templates in it. Builds the templates if they are not there yet.
    pub async fn new() -> io::Result<Self> {
        Self::inside(&std::env::temp_dir()).await
    }

    /// The same, below a directory.
    pub async fn inside(place: &Path) -> io::Result<Self> {
        codecourier_testkit::template::claude_template()
            .await
            .map_err(io::Error::other)?;
        let layers = codecourier_testkit::template::shared_data_directory()
            .canonicalize()?
            .join("layers");
        Self::with_layers(place, &layers)
    }

    /// One below a directory with the layers of another data directory, whatever is in them.
    pub fn with_layers(place: &Path, layers: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("codecourier-it-").tempdir_in(place)?;
        std::os::unix::fs::symlink(layers, directory.path().join("layers"))?;
        Ok(Self { directory })
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.directory.path()
    }

    /// The binary with arguments, in this data directory and with an environment that holds nothing of the caller's but
    /// the path.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that starts the binary under test"
        )]
        let mut command = Command::new(binary());
        #[expect(clippy::disallowed_methods, reason = "the program needs to find git")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.data())
            .env("CODECOURIER_DATA_DIR", self.data())
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> io::Result<Output> {
        self.command(arguments).output()
    }

    /// Starts the binary and returns at once. Its output goes to files beside the data directory, so that it never
    /// waits for a reader.
    pub fn start(&self, arguments: &[&str]) -> io::Result<Child> {
        let output = |name: &str| {
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(self.data().join(name))
        };
        self.command(arguments)
            .stdout(output("stdout.log")?)
            .stderr(output("stderr.log")?)
            .spawn()
    }

    /// Whatever of this data directory's sandboxes is left on the host.
    pub fn leftovers(&self) -> io::Result<Leftovers> {
        let backend = NsBackend::open(NsConfig::new(self.data())).map_err(io::Error::other)?;
        Ok(backend.leftovers())
    }
}

/// The binary under test: beside the programs of this build.
#[must_use]
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let directory = own.parent().unwrap_or(Path::new("."));
    // A test runs from `deps/`, a benchmark from `examples/`, a program from one above.
    let directory = if directory.ends_with("deps") || directory.ends_with("examples") {
        directory.parent().unwrap_or(directory)
    } else {
        directory
    };
    directory.join("codecourier")
}
