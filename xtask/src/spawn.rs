//! The one place where the verbs start programs. All run at the root of the repository.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where the verbs' programs are spawned"
)]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, terminal, workspace};

/// Runs a program with this terminal; fails when it does.
pub(crate) fn run(argv: &[&str]) -> Outcome {
    run_with(argv, &[])
}

/// As [`run`], with more environment variables.
pub(crate) fn run_with(argv: &[&str], environment: &[(&str, String)]) -> Outcome {
    let status = command(argv)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .status()
        .map_err(|error| format!("could not start `{}`: {error}", argv[0]))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", argv.join(" ")))
    }
}

/// Runs a program in a directory, shows what it says, and gives each line of it. Fails when it does.
pub(crate) fn run_in(
    directory: &Path,
    argv: &[&str],
    environment: &[(&str, String)],
    heard: &mut dyn FnMut(&str),
) -> Outcome {
    let failed = |error| format!("could not start `{}`: {error}", argv[0]);
    let (said, out) = std::io::pipe().map_err(failed)?;
    // The command is dropped when the program has started, and with it the ends of the pipe that are this process's.
    let mut child = command(argv)
        .current_dir(directory)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(out.try_clone().map_err(failed)?)
        .stderr(out)
        .spawn()
        .map_err(failed)?;
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        terminal::line(&line);
        heard(&line);
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", argv.join(" ")))
    }
}

/// What a program prints; fails when it does, with what it said.
pub(crate) fn output(argv: &[&str]) -> Result<String, String> {
    output_with(argv, &[])
}

/// As [`output`], with more environment variables.
pub(crate) fn output_with(argv: &[&str], environment: &[(&str, String)]) -> Result<String, String> {
    let done = command(argv)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("could not start `{}`: {error}", argv[0]))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&done.stderr);
        Err(format!(
            "`{}` failed ({}): {}",
            argv.join(" "),
            done.status,
            said.trim()
        ))
    }
}

/// What a program prints, with its messages shown as they come.
pub(crate) fn output_with_messages(argv: &[&str]) -> Result<String, String> {
    let done = command(argv)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("could not start `{}`: {error}", argv[0]))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("`{}` failed ({})", argv.join(" "), done.status))
    }
}

/// Runs two programs with this terminal, the second one in a directory of the repository, until one of them ends; then
/// ends the other.
pub(crate) fn run_beside(one: &[&str], other: &[&str], directory: &str) -> Outcome {
    let started = |error| format!("could not start: {error}");
    let mut one = command(one).spawn().map_err(started)?;
    let other = command(other).current_dir(workspace::root().join(directory)).spawn();
    let mut other = match other {
        Ok(other) => other,
        Err(error) => {
            one.kill().ok();
            return Err(started(error));
        }
    };
    // Ctrl-C reaches both. The server ends orderly by itself.
    let ended = one.wait();
    other.kill().ok();
    other.wait().ok();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the server ended: {status}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Becomes another program. Returns only when that fails.
pub(crate) fn become_program(program: &Path, arguments: &[String]) -> String {
    let error = Command::new(program).args(arguments).exec();
    format!("could not start {}: {error}", program.display())
}

fn command(argv: &[&str]) -> Command {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).current_dir(workspace::root());
    command
}
