//! Whether the API is what its description says: schemathesis asks every operation, with good and with bad input, in turn
//! and one after another where one leads to the other.
//!
//! `cargo xtask contract` looks for longer.

use codecourier_testkit::contract::{Effort, Reader, look};

#[tokio::test]
async fn the_api_is_what_its_description_says() {
    let effort = Effort {
        examples: 1,
        seed: 1,
        arguments: vec!["--no-shrink".to_owned()],
        reader: Reader::Caller,
    };
    let findings = look(&effort).await;
    assert!(findings.is_kept, "{}", findings.report);
}
