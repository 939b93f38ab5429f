//! Looks for as long as one likes whether the API is what its description says. Started by `cargo xtask contract`.

use std::process::ExitCode;

use codecourier_testkit::contract::{Effort, Reader, look};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut effort = Effort {
        examples: 300,
        seed: 1,
        arguments: Vec::new(),
        reader: Reader::Terminal,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--examples" => effort.examples = number(arguments.next()),
            "--seed" => effort.seed = number(arguments.next()).into(),
            _ => effort.arguments.push(argument),
        }
    }
    let findings = look(&effort).await;
    if findings.is_kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn number(text: Option<String>) -> u32 {
    text.and_then(|text| text.parse().ok()).expect("a number")
}
