//! Builds `envd`, the daemon inside every local sandbox, as a static binary, so that the library can carry it.
//!
//! A nested cargo with a target directory of its own: the outer cargo holds the lock of the workspace's.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script gets its arguments in the environment"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

const PREBUILT: &str = "CODECOURIER_ENVD_PREBUILT";

fn main() {
    let out = PathBuf::from(required("OUT_DIR"));
    let crate_directory = PathBuf::from(required("CARGO_MANIFEST_DIR"));
    let crates = crate_directory.parent().expect("the crate lies in crates/");
    for watched in ["envd/src", "envd/Cargo.toml", "e2b/src", "e2b/Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", crates.join(watched).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    // Whoever has built it already (a packager, a build farm) names it.
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    if let Ok(prebuilt) = std::env::var(PREBUILT) {
        println!("cargo::rustc-env=CODECOURIER_ENVD={prebuilt}");
        println!("cargo::rerun-if-changed={prebuilt}");
        return;
    }

    let target_directory = workspace_target(&out).join("envd");
    let mut cargo = Command::new(required("CARGO"));
    cargo
        .current_dir(crates.parent().expect("crates/ lies in the workspace"))
        .args([
            "build",
            "--package",
            "codecourier-envd",
            "--bin",
            "envd",
            "--profile",
            "envd",
            "--locked",
        ])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target_directory)
        .env(
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            "-C target-feature=+crt-static",
        );
    // Clippy and coverage tools come in through these; the daemon is the same binary under each of them.
    for inherited in [
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CLIPPY_ARGS",
        "RUSTC",
    ] {
        cargo.env_remove(inherited);
    }
    let status = cargo.status().expect("cargo can be started");
    let built = target_directory.join(TARGET).join("envd").join("envd");
    assert!(status.success(), "envd did not build: {status}");
    let carried = out.join("envd");
    std::fs::copy(&built, &carried).unwrap_or_else(|error| panic!("copy {}: {error}", built.display()));
    println!("cargo::rustc-env=CODECOURIER_ENVD={}", carried.display());
}

fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

/// `OUT_DIR` is `<target>[/<triple>]/<profile>/build/<package>/out`; the directory with cargo's tag is the target.
fn workspace_target(out: &Path) -> PathBuf {
    out.ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file())
        .unwrap_or(out)
        .to_path_buf()
}
