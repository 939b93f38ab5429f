//! Looking around below a root whose contents somebody hostile makes.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use http::StatusCode;
use serde_json::Value;

use crate::client::Client;
use crate::daemon::Daemon;

/// A place to look at, beside something that must stay out of sight.
fn furnish(daemon: &Daemon) -> String {
    let root = daemon.scratch().join("root");
    fs::create_dir_all(root.join("src/deep")).unwrap();
    fs::write(root.join("README.md"), "read me").unwrap();
    fs::write(root.join("src/main.rs"), "fn main() {}").unwrap();
    fs::write(daemon.scratch().join("secret"), "SECRET").unwrap();
    fs::create_dir(daemon.scratch().join("outside")).unwrap();
    fs::write(daemon.scratch().join("outside/file"), "SECRET").unwrap();
    root.display().to_string()
}

async fn list(client: &Client, root: &str, path: &str, rest: &str) -> (StatusCode, Value) {
    let address = format!("/beneath/list?root={root}&path={path}&limit=100{rest}");
    let (status, _, body) = client.get(&address).await;
    (status, serde_json::from_slice(&body).unwrap())
}

fn names(page: &Value) -> Vec<&str> {
    let entries = page["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_directory_is_shown_page_by_page_with_its_directories_first() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let root = furnish(&daemon);
    for name in ["b", "a", "zoo"] {
        fs::create_dir(Path::new(&root).join(name)).unwrap();
    }
    let (status, whole) = list(&client, &root, "", "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(names(&whole), ["a", "b", "src", "zoo", "README.md"]);
    assert!(whole["next"].is_null());
    let readme = &whole["entries"][4];
    assert_eq!(
        (readme["kind"].as_str(), readme["size"].as_u64()),
        (Some("file"), Some(7))
    );
    assert!(readme["modifiedMs"].as_i64().unwrap() > 1_600_000_000_000);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let address = format!("/beneath/list?root={root}&limit=2{after}");
        let (_, _, body) = client.get(&address).await;
        let page: Value = serde_json::from_slice(&body).unwrap();
        assert!(names(&page).len() <= 2);
        seen.extend(names(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, names(&whole));
    assert_eq!(names(&list(&client, &root, "src", "").await.1), ["deep", "main.rs"]);
}

#[tokio::test]
async fn a_file_is_read_up_to_a_limit() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let root = furnish(&daemon);
    for (limit, expected) in [(100, "read me"), (7, "read me"), (4, "read"), (0, "")] {
        let address = format!("/beneath/file?root={root}&path=README.md&limit={limit}");
        let (status, headers, body) = client.get(&address).await;
        assert_eq!((status, body.as_ref()), (StatusCode::OK, expected.as_bytes()));
        assert_eq!(headers["codecourier-file-bytes"], "7");
        assert!(headers.contains_key("codecourier-file-modified"));
    }
    for (path, status) in [
        ("nothing", StatusCode::NOT_FOUND),
        ("src", StatusCode::BAD_REQUEST),
        ("README.md/x", StatusCode::BAD_REQUEST),
        ("", StatusCode::BAD_REQUEST),
    ] {
        let address = format!("/beneath/file?root={root}&path={path}&limit=10");
        assert_eq!(client.get(&address).await.0, status, "{path}");
    }
    for address in [
        format!("/beneath/file?root={root}&path=README.md"),
        format!("/beneath/list?root={root}&limit=x"),
        format!("/beneath/list?root={root}&limit=1&after=nowhere"),
        "/beneath/list?root=relative&limit=1".to_owned(),
        "/beneath/list?limit=1".to_owned(),
    ] {
        assert_eq!(client.get(&address).await.0, StatusCode::BAD_REQUEST, "{address}");
    }
}

#[tokio::test]
async fn no_way_leads_out() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let root = furnish(&daemon);
    let inside = |name: &str| Path::new(&root).join(name);
    symlink("../secret", inside("up")).unwrap();
    symlink(daemon.scratch().join("secret"), inside("absolute")).unwrap();
    symlink("../outside", inside("directory")).unwrap();
    symlink("circle", inside("circle")).unwrap();
    symlink("/proc/self/root", inside("magic")).unwrap();
    symlink("src/main.rs", inside("within")).unwrap();
    symlink("../README.md", inside("src/back")).unwrap();
    symlink("src", inside("folder")).unwrap();
    for path in [
        "up",
        "absolute",
        "directory/file",
        "circle",
        "magic/etc/passwd",
        "../secret",
        "src/../../secret",
        "/etc/passwd",
    ] {
        let address = format!("/beneath/file?root={root}&path={path}&limit=100");
        let (status, _, body) = client.get(&address).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path}");
        assert!(!body.windows(6).any(|window| window == b"SECRET"), "{path}");
    }
    for path in ["directory", "magic", "..", "/", "src/../.."] {
        assert_eq!(list(&client, &root, path, "").await.0, StatusCode::CONFLICT, "{path}");
    }
    // Those within are as good as what they lead to.
    for (path, expected) in [
        ("within", "fn main() {}"),
        ("src/back", "read me"),
        ("folder/main.rs", "fn main() {}"),
    ] {
        let address = format!("/beneath/file?root={root}&path={path}&limit=100");
        assert_eq!(client.get(&address).await.2, expected, "{path}");
    }
    let (_, page) = list(&client, &root, "", "").await;
    let entry = |name: &str| {
        let entries = page["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["name"] == name).unwrap();
        let word = |field: &str| entry[field].as_str().map(str::to_owned);
        (word("kind").unwrap(), word("target").unwrap(), word("leadsTo"))
    };
    let link =
        |target: &str, leads_to: Option<&str>| ("link".to_owned(), target.to_owned(), leads_to.map(str::to_owned));
    assert_eq!(entry("up"), link("../secret", None));
    assert_eq!(entry("directory"), link("../outside", None));
    assert_eq!(entry("circle"), link("circle", None));
    assert_eq!(entry("within"), link("src/main.rs", Some("file")));
    assert_eq!(entry("folder"), link("src", Some("directory")));

    // The root itself may be exchanged, too.
    let link = daemon.scratch().join("link");
    symlink(daemon.scratch().join("outside"), &link).unwrap();
    let (status, page) = list(&client, &link.display().to_string(), "", "").await;
    assert_eq!(status, StatusCode::CONFLICT, "{page}");
}

#[tokio::test]
async fn whatever_lies_there_is_shown_and_waits_for_nobody() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let root = furnish(&daemon);
    let odd = Path::new(&root).join("odd");
    fs::create_dir(&odd).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        odd.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    fs::write(odd.join("a\nb <script>&?#%+"), "named oddly").unwrap();
    fs::write(odd.join(std::ffi::OsStr::from_bytes(b"no-\xff-text")), "x").unwrap();
    let (_, page) = list(&client, &root, "odd", "").await;
    assert_eq!(names(&page), ["a\nb <script>&?#%+", "no-\u{fffd}-text", "pipe"]);
    assert_eq!(page["entries"][2]["kind"], "other");
    let address = format!("/beneath/file?root={root}&path=odd/pipe&limit=10");
    assert_eq!(client.get(&address).await.0, StatusCode::BAD_REQUEST);
    let path = "odd/a%0Ab%20%3Cscript%3E%26%3F%23%25%2B";
    let address = format!("/beneath/file?root={root}&path={path}&limit=100");
    assert_eq!(client.get(&address).await.2, "named oddly");
}
