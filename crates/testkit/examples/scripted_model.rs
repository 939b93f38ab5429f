//! The scripted model by itself, for trying an agent by hand:
//!
//! ```text
//! cargo run -p codecourier-testkit --example scripted_model -- 8090
//! ANTHROPIC_BASE_URL=http://127.0.0.1:8090 ANTHROPIC_API_KEY=any claude -p '@@say Hello.'
//! ```
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use codecourier_testkit::scripted_model::{Options, ScriptedModel};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let model = ScriptedModel::start_with(Options {
        port,
        ..Options::default()
    })
    .await?;
    println!("{}", model.base_url());
    for seen in 1.. {
        model.wait_for_requests(seen).await;
        if let Some(request) = model.requests().get(seen - 1) {
            println!("{} {} {} bytes", request.method, request.path, request.body.len());
        }
    }
    Ok(())
}
