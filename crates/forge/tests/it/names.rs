//! Our rules for names against those of Git itself.

use codecourier_forge::{BranchName, Identity};
use proptest::prelude::*;

use crate::support::{RepositoryBuilder, SampleRepository};

fn is_branch_for_git(repository: &SampleRepository, name: &str) -> bool {
    let check = std::panic::AssertUnwindSafe(|| repository.git(["check-ref-format", &format!("refs/heads/{name}")]));
    !name.starts_with('-') && std::panic::catch_unwind(check).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_we_take_for_a_branch_git_takes_too(name in "[a-zA-Z.@{}/~^:?*\\[\\\\ü -]{1,12}(\\.lock|\\.|/)?") {
        if name.parse::<BranchName>().is_ok() {
            let place = tempfile::tempdir().unwrap();
            prop_assert!(is_branch_for_git(&SampleRepository::at(place.path()), &name), "{name:?}");
        }
    }
}

#[test]
fn an_identity_reaches_a_commit_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let sample = RepositoryBuilder::new()
        .file("x", "x")
        .commit("x")
        .build(place.path().join("sample"));
    for (name, email) in [
        ("Ada Lovelace", "ada@example.org"),
        ("O'Brien \"Ü\" \\ $(id)", "x+y@z"),
        ("a, b", "a b@c"),
    ] {
        let identity = Identity::new(name, email).unwrap();
        let person = format!("{} <{}>", identity.name(), identity.email());
        sample.git(["commit", "--quiet", "--allow-empty", "-m", "x", "--author", &person]);
        assert_eq!(sample.git(["log", "-1", "--format=%an <%ae>"]), person);
    }
}
