//! Copies of repositories for backups: whole, and hostile.

use std::fs::File;
use std::path::PathBuf;

use codecourier_domain::id::ProjectId;
use codecourier_forge::{Mirrors, References, Source};
use serde_json::{Value, json};

use crate::support::{Scene, git, project, sample};

/// A copy on the disk, as a backup keeps it.
struct Copy {
    references: References,
    pack: PathBuf,
}

impl Copy {
    async fn of(scene: &Scene) -> Self {
        let references = scene.mirror.references().await.unwrap();
        let pack = scene.place.path().join("copy.pack");
        let file = File::create(&pack).unwrap();
        scene.mirror.pack(&references, file).await.unwrap();
        Self { references, pack }
    }

    fn pack(&self) -> Option<File> {
        Some(File::open(&self.pack).unwrap())
    }
}

fn elsewhere(scene: &Scene) -> Mirrors {
    Mirrors::open(git(), scene.place.path().join("elsewhere")).unwrap()
}

#[tokio::test]
async fn a_repository_is_the_same_after_it_was_copied_and_restored() {
    let scene = Scene::of(
        sample()
            .branch("other")
            .file("o", "o")
            .commit("Other")
            .branch("main")
            .tag("v1"),
    )
    .await;
    let copy = Copy::of(&scene).await;
    // What comes later is not in the copy.
    scene.source.git(["branch", "later"]);
    let listed = Mirrors::open(git(), scene.place.path().join("repositories")).unwrap();
    listed
        .ensure(project(), &Source::LocalPath(scene.source.path().to_owned()))
        .await
        .unwrap();
    assert_eq!(listed.projects().unwrap(), [project()]);

    let restored = elsewhere(&scene);
    restored
        .restore(project(), &copy.references, copy.pack())
        .await
        .unwrap();
    let mirror = restored.get(project()).unwrap();
    assert_eq!(mirror.references().await.unwrap(), copy.references);
    assert_eq!(mirror.branch_tip(&scene.branch).await.unwrap(), scene.base);
    assert_eq!(mirror.resolve_base(None).await.unwrap(), scene.base);
    assert_eq!(restored.projects().unwrap(), [project()]);
    // It goes on as before, and nothing is restored over it.
    let source = Source::LocalPath(scene.source.path().to_owned());
    assert!(restored.ensure(project(), &source).await.is_ok());
    assert!(
        restored
            .restore(project(), &copy.references, copy.pack())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_empty_hosted_repository_is_restored_as_one() {
    let scene = Scene::new().await;
    let hosted = ProjectId::from_uuid(uuid::Uuid::from_u128(9));
    let mirrors = elsewhere(&scene);
    let references = mirrors
        .ensure(hosted, &Source::Hosted)
        .await
        .unwrap()
        .references()
        .await
        .unwrap();
    assert!(references.is_empty());
    let again = Mirrors::open(git(), scene.place.path().join("again")).unwrap();
    again.restore(hosted, &references, None).await.unwrap();
    assert_eq!(again.get(hosted).unwrap().references().await.unwrap(), references);
}

#[tokio::test]
async fn copies_that_were_tampered_with_are_refused_and_leave_nothing() {
    let scene = Scene::new().await;
    let copy = Copy::of(&scene).await;
    let good = serde_json::to_value(&copy.references).unwrap();
    let mirrors = elsewhere(&scene);
    let commit = scene.base.as_str();
    let nowhere = "1".repeat(40);
    let tampered = |field: &str, name: &str, value: &str| {
        let mut references = good.clone();
        references[field][name] = json!(value);
        references
    };
    let mut lists: Vec<Value> = Vec::new();
    for name in [
        "HEAD",
        "config",
        "../../escape",
        "refs/heads/../../../escape",
        "refs/heads/a\0b",
        "refs/heads/a\ncreate refs/heads/b",
        "refs/replace/x",
        "refs/heads/",
        "refs/heads/a..b",
        "refs/heads/x.lock",
        "--stdin",
    ] {
        lists.push(tampered("direct", name, commit));
    }
    lists.push(tampered("direct", "refs/heads/gone", &nowhere));
    for (name, target) in [
        ("HEAD", "refs/../config"),
        ("HEAD", "/etc/passwd"),
        ("HEAD", "refs/heads/x y"),
        ("config", "refs/heads/main"),
        ("refs/heads/main2", "refs/heads/main"),
        ("-d", "refs/heads/main"),
    ] {
        lists.push(tampered("symbolic", name, target));
    }
    for list in lists {
        let references: References = serde_json::from_value(list.clone()).unwrap();
        let refused = mirrors.restore(project(), &references, copy.pack()).await;
        assert!(refused.is_err(), "{list}");
        assert!(mirrors.projects().unwrap().is_empty(), "{list}");
    }
    assert!(!scene.place.path().join("escape").exists());

    let bytes = std::fs::read(&copy.pack).unwrap();
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for bytes in [&bytes[..bytes.len() / 2], &flipped, b"PACK", b""] {
        let path = scene.place.path().join("tampered.pack");
        std::fs::write(&path, bytes).unwrap();
        let refused = mirrors
            .restore(project(), &copy.references, Some(File::open(&path).unwrap()))
            .await;
        assert!(refused.is_err() && mirrors.projects().unwrap().is_empty());
    }
    // Without its pack the list leads nowhere.
    assert!(mirrors.restore(project(), &copy.references, None).await.is_err());
    assert!(mirrors.restore(project(), &copy.references, copy.pack()).await.is_ok());
}
