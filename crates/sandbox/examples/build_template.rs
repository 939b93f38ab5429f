//! Builds a shipped template in a data directory and says how long each layer took: how the times in the
//! documentation were measured. Usage: `cargo run --example build_template -- DIRECTORY base|AGENT`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

use std::time::{Duration, Instant};

use codecourier_sandbox::templates::{
    Progress, Stage, TemplateStore, base_template, claude_template, codex_template, opencode_template, pi_template,
};

struct Print(Instant);

impl Progress for Print {
    fn stage(&self, stage: Stage, detail: &str) {
        eprintln!("{:>7.2} s  {stage}: {detail}", self.0.elapsed().as_secs_f64());
    }
    fn advance(&self, _stage: Stage, _done: u64, _total: u64) {}
    fn line(&self, _line: &str) {}
    fn done(&self, layer: &str, built: Option<Duration>) {
        match built {
            Some(took) => println!("{layer}: built in {:.2} s", took.as_secs_f64()),
            None => println!("{layer}: was there"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: build_template DIRECTORY base|claude|codex|opencode|pi".into());
    };
    let spec = match name.as_str() {
        "base" => base_template(),
        "claude" => claude_template(),
        "codex" => codex_template(),
        "opencode" => opencode_template(),
        "pi" => pi_template(),
        _ => return Err("there is a template `base` and one for each agent".into()),
    };
    let store = TemplateStore::open(directory)?;
    let start = Instant::now();
    let template = store.ensure(&spec, &Print(start)).await?;
    println!(
        "template {} in {:.3} s",
        template.digest.short(),
        start.elapsed().as_secs_f64()
    );
    for layer in store.list()? {
        println!("{}: {} bytes in {} files", layer.description, layer.size, layer.files);
    }
    for (name, version) in template.versions {
        println!("  {name} {version}");
    }
    Ok(())
}
