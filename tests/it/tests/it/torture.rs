//! A sample of `cargo xtask torture`.

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "the seed and the moments, for whoever looks into a failure"
)]
async fn killing_the_server_loses_nothing_doubles_nothing_and_leaves_nothing() {
    let runs = codecourier_it::torture::torture(6, 20_261_122, |line| eprintln!("{line}"))
        .await
        .unwrap();
    assert!(runs >= 1);
}
