//! The blob directory, on a real one.

use bytes::Bytes;
use codecourier_domain::time::Timestamp;

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
async fn blobs_are_listed_and_copied_whole_beside_their_owner() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = open(&directory).await;
    let mut names = Vec::new();
    for text in ["one", "two", "three"] {
        names.push(blobs.put(Bytes::from(text)).await.unwrap().name);
    }
    names.sort_unstable();
    std::fs::write(directory.path().join("blobs/unfinished/half"), "h").unwrap();
    std::fs::write(directory.path().join("blobs/stray"), "s").unwrap();
    std::fs::create_dir(directory.path().join("blobs/zz")).unwrap();
    std::fs::write(directory.path().join("blobs/zz/odd"), "o").unwrap();
    let beside = Blobs::beside_its_owner(directory.path().join("blobs"));
    assert_eq!(beside.names().await.unwrap(), names);
    assert!(directory.path().join("blobs/unfinished/half").exists());

    let copies = Blobs::open(directory.path().join("copies")).await.unwrap();
    for name in &names {
        let size = beside.copy_to(*name, &copies).await.unwrap();
        assert!(size.is_some() && copies.check(*name).await.unwrap() == size);
    }
    let gone = BlobName::of(b"gone");
    assert_eq!(beside.copy_to(gone, &copies).await.unwrap(), None);
    assert_eq!(copies.check(gone).await.unwrap(), None);
    std::fs::write(blobs.path(names[0]), "other").unwrap();
    std::fs::remove_file(copies.path(names[0])).unwrap();
    assert!(matches!(beside.check(names[0]).await, Err(Error::BlobDamaged { .. })));
    let copied = beside.copy_to(names[0], &copies).await;
    assert!(matches!(copied, Err(Error::BlobDamaged { .. })));
    assert_eq!(copies.names().await.unwrap(), names[1..]);
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

fn age(directory: &tempfile::TempDir, name: BlobName, to: Timestamp) {
    let text = name.to_string();
    let path = directory.path().join("blobs").join(&text[..2]).join(&text[2..]);
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(to.0.unsigned_abs());
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(at).unwrap();
}

async fn all_untouched(blobs: &Blobs, before: Timestamp) -> Vec<BlobName> {
    let mut names = Vec::new();
    for shelf in 0..=u8::MAX {
        names.extend(blobs.untouched_since(shelf, before).await.unwrap());
    }
    names
}

#[tokio::test]
async fn a_blob_is_removed_for_its_age_unless_it_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = open(&directory).await;
    let (old, before) = (Timestamp(1_000_000), Timestamp(2_000_000));
    let hello = blobs.put(Bytes::from_static(b"hello")).await.unwrap().name;
    let world = blobs.put(Bytes::from_static(b"world")).await.unwrap().name;
    assert!(all_untouched(&blobs, before).await.is_empty());
    assert!(!blobs.remove_if_untouched_since(hello, before).await.unwrap());
    age(&directory, hello, old);
    age(&directory, world, old);
    assert_eq!(all_untouched(&blobs, before).await.len(), 2);
    blobs.put(Bytes::from_static(b"hello")).await.unwrap();
    // Whoever found it old a moment ago leaves it alone.
    assert!(!blobs.remove_if_untouched_since(hello, before).await.unwrap());
    assert!(blobs.remove_if_untouched_since(world, before).await.unwrap());
    assert!(
        !blobs.remove_if_untouched_since(world, before).await.unwrap(),
        "it is gone"
    );
    assert_eq!(blobs.get(hello, 5).await.unwrap().unwrap(), "hello");
    assert_eq!(blobs.get(world, 5).await.unwrap(), None);
    assert!(all_untouched(&blobs, before).await.is_empty());
}
