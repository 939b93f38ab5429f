//! The coverage-guided fuzzer. Started by `cargo xtask fuzz`, which instruments the code and names the target in
//! `FUZZ_TARGET`; with `--list` it prints the targets, one a line: the name, then the directories of what was recorded,
//! with tabs between.
#![no_main]
#![expect(
    clippy::disallowed_methods,
    reason = "the fuzzer's runtime owns the command line, so the target comes by name"
)]
#![expect(clippy::print_stdout, reason = "the list of targets is for a program to read")]

use std::sync::OnceLock;

use codecourier_fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: choose_target(),
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(input);
        }
    }
);

fn choose_target() {
    if std::env::args().any(|argument| argument == "--list") {
        for target in TARGETS {
            println!("{}", [&[target.name], target.recorded].concat().join("\t"));
        }
        std::process::exit(0);
    }
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match TARGETS.iter().find(|target| target.name == wanted) {
        Some(target) => TARGET.get_or_init(|| *target),
        None => panic!("FUZZ_TARGET names no target: `{wanted}`"),
    };
}
