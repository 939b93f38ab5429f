//! A sample of `cargo xtask soak`.

use std::time::Duration;

use codecourier_it::live::soak::{Servers, Size, soak};

#[expect(clippy::print_stderr, reason = "what happened, for whoever looks into a failure")]
async fn small_soak(servers: Servers) {
    let size = Size {
        servers,
        subscribers: 40,
        writes: 1_600,
        patience: Duration::from_secs(120),
        seed: 20_261_123,
    };
    let report = soak(size, |line| eprintln!("{line}")).await.unwrap();
    assert!(report.reconnects >= 40, "everybody was thrown out at least once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_seen_every_change_once_whatever_happened() {
    small_soak(Servers::One).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_have_the_clients_of_two_servers_on_one_database() {
    small_soak(Servers::Two).await;
}
