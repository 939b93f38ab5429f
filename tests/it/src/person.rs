//! A person at a command line: a home directory of their own, the real binary, and a terminal when one is needed.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::scene::{Ended, ended};
use crate::server::binary;

/// How long a person waits for words on the screen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody with a home directory, where their credentials are kept.
pub struct Person {
    home: tempfile::TempDir,
}

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    keyboard: std::fs::File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    read: usize,
}

impl Person {
    /// Somebody new.
    pub fn new() -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("codecourier-home-").tempdir()?;
        Ok(Self { home })
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The binary with arguments and this person's environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "starts the binary under test, as a person would"
        )]
        let mut command = Command::new(binary());
        #[expect(clippy::disallowed_methods, reason = "the program needs to find git")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Does something, to its end.
    pub async fn does(&self, arguments: &[&str]) -> io::Result<Ended> {
        ended(self.command(arguments)).await
    }

    /// Does something with this on standard input.
    pub async fn says(&self, arguments: &[&str], input: &str) -> io::Result<Ended> {
        let path = self.home().join("input");
        std::fs::write(&path, input)?;
        let mut command = self.command(arguments);
        command.stdin(std::fs::File::open(&path)?);
        let ended = ended(command).await;
        std::fs::remove_file(&path)?;
        ended
    }

    /// Does something at a terminal of so many columns.
    pub fn at_terminal(&self, arguments: &[&str], columns: u16) -> io::Result<Terminal> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        tcsetwinsize(
            &master,
            Winsize {
                ws_row: 40,
                ws_col: columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )?;
        let name = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.as_bytes()).to_owned();
        let screen = || std::fs::File::options().read(true).write(true).open(&name);
        let child = self
            .command(arguments)
            .env("TERM", "xterm-256color")
            .stdin(screen()?)
            .stdout(screen()?)
            .stderr(screen()?)
            .spawn()?;
        let keyboard = std::fs::File::from(master);
        let mut reading = keyboard.try_clone()?;
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // It ends with an error when the last program at the terminal ended.
            while let Ok(length @ 1..) = reading.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Terminal {
            child,
            keyboard,
            screen,
            shown: String::new(),
            read: 0,
        })
    }
}

impl Terminal {
    /// Waits until words are shown that were not read before.
    pub fn wait_for(&mut self, words: &str) -> io::Result<()> {
        let began = Instant::now();
        loop {
            if let Some(at) = self.shown[self.read..].find(words) {
                self.read += at + words.len();
                return Ok(());
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => return Err(io::Error::other(format!("no `{words}` in: {:?}", self.shown))),
            }
        }
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) -> io::Result<()> {
        self.keyboard.write_all(line.as_bytes())?;
        self.keyboard.write_all(b"\r")
    }

    /// Waits for the end of the program; gives its exit code and everything that was shown.
    pub fn ended(mut self) -> io::Result<(Option<i32>, String)> {
        let status = self.child.wait()?;
        while let Ok(bytes) = self.screen.recv_timeout(Duration::from_secs(1)) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok((status.code(), std::mem::take(&mut self.shown)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
