//! The user interface in a real browser: the binary serves, and a script of `tests/browser` does at it what people do.
//!
//! The script is a program of Node.js. It is told where everything is with the first line that it reads; whatever only this
//! side can do, it asks for with a line that it writes, and reads the answer. How it ends is how the story ended; what was
//! on the screens then is kept in `target/browser/<story>`.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use codecourier_testkit::repository::RepositoryBuilder;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::scene::Scene;
use crate::server::Installation;
use crate::serving::{Server, Start, reach_repositories};

/// A server with a model that is scripted and a repository, for people who come to it with a browser.
pub struct Stage {
    scene: Scene,
    environment: Vec<(&'static str, String)>,
    server: Option<Server>,
    address: String,
    url: String,
}

impl Stage {
    /// Sets it up. Nobody has an account yet.
    pub async fn open() -> io::Result<Self> {
        Self::with(Vec::new()).await
    }

    /// The same, with more in the environment of the server.
    pub async fn with(environment: Vec<(&'static str, String)>) -> io::Result<Self> {
        if !root().join("web/dist/index.html").exists() {
            return Err(io::Error::other(
                "the user interface is not built: run `cargo xtask web`",
            ));
        }
        let repository = RepositoryBuilder::new()
            .file("README.md", "# Shop\n\nA small shop.\n")
            .file("src/greeting.txt", "hello\n")
            .commit("Open the shop");
        let scene = Scene::at(Installation::new().await?, repository).await?;
        let mut stage = Self {
            scene,
            environment,
            server: None,
            address: "127.0.0.1:0".to_owned(),
            url: String::new(),
        };
        stage.start().await?;
        Ok(stage)
    }

    /// Starts the server, where the last one was.
    async fn start(&mut self) -> io::Result<()> {
        let mut environment = vec![
            ("PATH", reach_repositories(&self.scene.installation)?),
            ("ANTHROPIC_BASE_URL", self.scene.model.base_url()),
            // One person with several windows, who does in a minute what others do in a day.
            ("CODECOURIER_LIMITS_REQUESTS_PER_MINUTE", "1000000".to_owned()),
            ("CODECOURIER_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "1000000".to_owned()),
        ];
        environment.extend(self.environment.iter().cloned());
        let start = Start {
            at: Some(&self.address),
            environment,
            ..Start::default()
        };
        let server = Server::start(&self.scene.installation, start).await?;
        self.address.clone_from(&server.address);
        self.url.clone_from(&server.url);
        self.server = Some(server);
        Ok(())
    }

    /// Lets a script of `tests/browser` play on it, to its end. Whatever the arguments are is for the script.
    pub async fn play(&mut self, script: &str, arguments: &[&str]) -> io::Result<()> {
        let unasked = |said: Value| Err(io::Error::other(format!("the script says `{said}`")));
        self.perform(&format!("tests/browser/{script}"), arguments, unasked)
            .await
    }

    /// The same for a script anywhere in the repository. `hear` is given what it says that asks for nothing.
    pub async fn perform(
        &mut self,
        script: &str,
        arguments: &[&str],
        mut hear: impl FnMut(Value) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut play = Play::begin(script, arguments)?;
        play.say(&json!({
            "url": self.url,
            "repository": format!("ssh://git@example.org{}", self.scene.source_path()),
        }))?;
        while let Some(said) = play.hear().await? {
            match said["ask"].as_str() {
                Some(asked) => {
                    let done = self.does(asked).await?;
                    play.say(&done)?;
                }
                None => hear(said)?,
            }
        }
        play.ended()
    }

    async fn does(&mut self, asked: &str) -> io::Result<Value> {
        match asked {
            "kill" => self.server.take().map_or(Ok(()), Server::kill)?,
            "start" => self.start().await?,
            other => return Err(io::Error::other(format!("the script asks for `{other}`"))),
        }
        Ok(json!({ "done": asked }))
    }

    /// What is left on the host that should not be, and what of the repository is not as it was.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.scene.faults()
    }
}

/// A script that plays. It is killed when it is dropped.
pub struct Play {
    child: Child,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Play {
    /// Starts a script of the repository.
    pub fn begin(script: &str, arguments: &[&str]) -> io::Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "starts the script that uses the interface, with the caller's environment"
        )]
        let mut command = Command::new("node");
        let mut child = command
            .arg(script)
            .args(arguments)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::other(format!("node: {error}")))?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (sender, heard) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, heard })
    }

    /// The next thing that it says; none when it has ended.
    pub async fn hear(&mut self) -> io::Result<Option<Value>> {
        let Some(line) = self.heard.recv().await else {
            return Ok(None);
        };
        match serde_json::from_str(&line) {
            Ok(said) => Ok(Some(said)),
            Err(_) => Err(io::Error::other(format!("the script said `{line}`"))),
        }
    }

    /// Says something to it.
    pub fn say(&mut self, message: &Value) -> io::Result<()> {
        let stdin = self.child.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(stdin, "{message}")
    }

    /// Waits for its end. It is an error when it ended as one.
    pub fn ended(&mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the script failed: {status}")))
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
