//! The blob directory, on a real one.

use bytes::Bytes;

use super::{BlobName, Blobs};
use crate::Error;

async fn open(directory: &tempfile::TempDir) -> Blobs {
    Blobs::open(directory.path().join("blobs")).await.unwrap()
}

#[tokio::test]
async fn what_was_put_is_read_back_under_the_hash_of_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = open(&directory).await;
    let stored = blobs.put(Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(
        stored.name.to_string(),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
    assert_eq!(blobs.get(stored.name, 5).await.unwrap().unwrap(), "hello");
    assert_eq!(blobs.size(stored.name).await.unwrap(), Some(5));
    assert_eq!(blobs.put(Bytes::from_static(b"hello")).await.unwrap(), stored);
    blobs.remove(stored.name).await.unwrap();
    blobs.remove(stored.name).await.unwrap();
    assert_eq!(blobs.get(stored.name, 5).await.unwrap(), None);
}

#[tokio::test]
async fn size_bounds_hold_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = open(&directory).await;
    let stored = blobs.put(Bytes::from(vec![7; 100_000])).await.unwrap();
    assert!(matches!(
        blobs.get(stored.name, 99_999).await,
        Err(Error::BlobTooLarge { .. })
    ));
    let file = directory.path().join("file");
    std::fs::write(&file, vec![7; 100_000]).unwrap();
    assert!(matches!(
        blobs.put_file(&file, 99_999).await,
        Err(Error::BlobTooLarge { .. })
    ));
    assert_eq!(blobs.put_file(&file, 100_000).await.unwrap(), stored);
}

#[tokio::test]
async fn a_damaged_blob_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = open(&directory).await;
    let stored = blobs.put(Bytes::from_static(b"hello")).await.unwrap();
    std::fs::write(blobs.path(stored.name), "hullo").unwrap();
    assert!(matches!(
        blobs.get(stored.name, 5).await,
        Err(Error::BlobDamaged { .. })
    ));
}

#[tokio::test]
async fn interrupted_writes_are_gone_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = open(&directory).await;
    std::fs::write(blobs.unfinished().join("half"), "half").unwrap();
    let blobs = open(&directory).await;
    assert_eq!(std::fs::read_dir(blobs.unfinished()).unwrap().count(), 0);
}

#[test]
fn no_path_passes_for_a_name() {
    let name = BlobName::of(b"x").to_string();
    let bad = [
        "",
        "..",
        "../../etc/passwd",
        &name[1..],
        &name.to_uppercase(),
        &format!("{name}0"),
        &format!("/{}", &name[1..]),
    ];
    for text in bad {
        assert!(text.parse::<BlobName>().is_err(), "{text:?} was taken for a name");
    }
    assert_eq!(name.parse::<BlobName>().unwrap().to_string(), name);
}
