//! `fuzz`: runs the coverage-guided fuzzer on each target for a bounded time, with the stable toolchain.
//!
//! The instrumentation is a stable code generation option; only the sanitizers need nightly, and these parsers have no
//! `unsafe` for them to watch. Why so: `docs/decisions/0004-fuzzing-on-the-stable-toolchain.md`.

use clap::Args;

use crate::{Outcome, host, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Fuzz {
    /// For how long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target; see `fuzz/src/lib.rs`.
    #[arg(long)]
    target: Option<String>,
    /// Where the random numbers begin; the fuzzer's choice if not given.
    #[arg(long)]
    seed: Option<u32>,
}

/// The most bytes of an input: of a recorded transcript this much is taken, since a long one is a slow one.
const LONGEST: usize = 16 * 1024;

/// What makes the compiler count which branches an input takes, and what it is compared with.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=yes -Coverflow-checks=yes";

impl Fuzz {
    pub(crate) fn run(&self) -> Outcome {
        if host::program("c++").is_none() {
            return Err("the fuzzer's runtime needs a C++ compiler; on Debian: apt-get install -y g++".to_owned());
        }
        let metadata = workspace::metadata()?;
        let directory = workspace::target_directory(&metadata).join("fuzz");
        let triple = host_triple()?;
        terminal::heading("building the fuzzer");
        // With a target named, the flags do not reach build scripts and macros, which could not be linked with them.
        let build = [
            "cargo",
            "build",
            "--release",
            "--package",
            "codecourier-fuzz",
            "--features",
            "libfuzzer",
            "--bin",
            "fuzz",
        ];
        let directory_text = directory.display().to_string();
        let argv = [&build[..], &["--target", &triple, "--target-dir", &directory_text]].concat();
        spawn::run_with(&argv, &[("RUSTFLAGS", COVERAGE.to_owned())])?;

        let program = directory.join(&triple).join("release/fuzz").display().to_string();
        let list = spawn::output(&[&program, "--list"])?;
        let targets = list.lines().filter_map(|line| {
            let mut words = line.split('\t');
            let name = words.next()?;
            let is_wanted = self.target.as_ref().is_none_or(|wanted| wanted == name);
            is_wanted.then(|| (name, words.collect::<Vec<_>>()))
        });
        let targets: Vec<(&str, Vec<&str>)> = targets.collect();
        if targets.is_empty() {
            return Err("there is no such target".to_owned());
        }
        for (name, recorded) in targets {
            terminal::heading(&format!("fuzzing {name} for {} s", self.seconds));
            let found = directory.join("corpus").join(name);
            let crashes = directory.join("crashes").join(name);
            for directory in [&found, &crashes] {
                std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
            }
            let mut argv = vec![
                program.clone(),
                found.display().to_string(),
                format!("fuzz/corpus/{name}"),
            ];
            argv.extend(recorded.into_iter().map(str::to_owned));
            argv.extend([
                format!("-max_total_time={}", self.seconds),
                format!("-artifact_prefix={}/", crashes.display()),
                "-rss_limit_mb=1024".to_owned(),
                "-timeout=10".to_owned(),
                "-print_final_stats=1".to_owned(),
                "-verbosity=0".to_owned(),
                format!("-max_len={LONGEST}"),
            ]);
            argv.extend(self.seed.map(|seed| format!("-seed={seed}")));
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            spawn::run_with(&argv, &[("FUZZ_TARGET", name.to_owned())]).map_err(|error| {
                format!(
                    "{error}\nthe input is in {}; copy it to fuzz/corpus/{name} once it is fixed",
                    crashes.display()
                )
            })?;
        }
        Ok(())
    }
}

fn host_triple() -> Result<String, String> {
    let version = spawn::output(&["rustc", "--version", "--verbose"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc does not name its host".to_owned())
}
