//! The page that shows what the suite proves is the one that is committed.

#[test]
fn the_committed_page_is_what_the_suite_proves() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/agents.md")).unwrap();
    let made = codecourier_it::conformance::page::page().unwrap();
    assert!(
        committed == made,
        "docs/agents.md is out of date: run `cargo xtask codegen`"
    );
}
