//! `filesystem.Filesystem`.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

async fn call(client: &Client, method: &str, message: Value) -> Result<Value, String> {
    let result = client.call(&format!("filesystem.Filesystem/{method}"), message).await;
    result.map_err(|(_, error)| error["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn directories_are_made_once_with_their_parents() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let path = format!("{}/a/b", daemon.scratch().display());
    let made = call(&client, "MakeDir", json!({"path": path})).await.unwrap();
    assert_eq!(made["entry"]["type"], "FILE_TYPE_DIRECTORY");
    assert_eq!(made["entry"]["permissions"], "drwxr-xr-x");
    assert_eq!(made["entry"]["name"], "b");
    assert_eq!(
        call(&client, "MakeDir", json!({"path": path})).await,
        Err("already_exists".into())
    );
    std::fs::write(format!("{path}/file"), "").unwrap();
    assert_eq!(
        call(&client, "MakeDir", json!({"path": format!("{path}/file")})).await,
        Err("invalid_argument".into())
    );
    assert_eq!(
        call(&client, "MakeDir", json!({"path": format!("{path}/file/x")})).await,
        Err("invalid_argument".into())
    );
}

#[tokio::test]
async fn entries_are_described_and_missing_ones_are_missing() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let path = format!("{}/file", daemon.scratch().display());
    std::fs::write(&path, "12345").unwrap();
    let entry = call(&client, "Stat", json!({"path": path})).await.unwrap()["entry"].clone();
    assert_eq!(
        (entry["size"].as_str(), entry["mode"].as_u64()),
        (Some("5"), Some(0o644))
    );
    assert_eq!(
        (entry["owner"].as_str(), entry["group"].as_str()),
        (Some("root"), Some("root"))
    );
    assert!(entry["modifiedTime"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        call(&client, "Stat", json!({"path": format!("{path}x")})).await,
        Err("not_found".into())
    );
    assert_eq!(
        call(&client, "Stat", json!({"path": format!("{path}/x")})).await,
        Err("invalid_argument".into())
    );
    assert_eq!(
        call(&client, "Stat", json!({"path": "a\0b"})).await,
        Err("invalid_argument".into())
    );
    assert_eq!(
        call(&client, "Stat", json!({"path": 5})).await,
        Err("invalid_argument".into())
    );
    let stranger = client.with("authorization", "Basic bm9ib2R5LWF0LWFsbDo=");
    assert_eq!(
        call(&stranger, "Stat", json!({"path": path})).await,
        Err("unauthenticated".into())
    );
}

#[tokio::test]
async fn a_listing_is_depth_first_by_name_and_stays_out_of_links() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let root = daemon.scratch().join("root");
    for path in ["b/x/deep", "a", "c"] {
        std::fs::create_dir_all(root.join(path)).unwrap();
    }
    std::fs::write(root.join("b/file"), "").unwrap();
    symlink(root.join("b"), root.join("link")).unwrap();
    symlink("nowhere", root.join("broken")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    symlink(&root, daemon.scratch().join("alias")).unwrap();
    let list = async |directory: &str, depth: u32| {
        let path = daemon.scratch().join(directory);
        let answer = call(
            &client,
            "ListDir",
            json!({"path": path.to_str().unwrap(), "depth": depth}),
        )
        .await?;
        let strip = |entry: &Value| {
            let path = std::path::Path::new(entry["path"].as_str().unwrap());
            path.strip_prefix(daemon.scratch())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        Ok::<_, String>(
            answer["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(strip)
                .collect::<Vec<_>>(),
        )
    };
    let one = ["root/a", "root/b", "root/broken", "root/c", "root/circle", "root/link"];
    assert_eq!(list("root", 0).await.unwrap(), one);
    assert_eq!(list("root", 1).await.unwrap(), one);
    let deep = list("root", 9).await.unwrap();
    assert_eq!(deep[1..5], ["root/b", "root/b/file", "root/b/x", "root/b/x/deep"]);
    assert_eq!(deep.len(), 9);
    // Asked through a link: told with the link's name.
    assert_eq!(list("alias", 1).await.unwrap()[0], "alias/a");
    assert_eq!(list("missing", 1).await, Err("not_found".into()));
    assert_eq!(list("root/b/file", 1).await, Err("invalid_argument".into()));
    assert_eq!(list("root/circle", 1).await, Err("failed_precondition".into()));
}

#[tokio::test]
async fn entries_move_and_go() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let path = |name: &str| daemon.scratch().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("file"), "x").unwrap();
    let moved = call(
        &client,
        "Move",
        json!({"source": path("file"), "destination": path("new/place")}),
    )
    .await
    .unwrap();
    assert_eq!(moved["entry"]["path"], path("new/place"));
    assert_eq!(std::fs::read_to_string(path("new/place")).unwrap(), "x");
    let again = json!({"source": path("file"), "destination": path("never/made")});
    assert_eq!(call(&client, "Move", again).await, Err("not_found".into()));
    assert!(!std::path::Path::new(&path("never")).exists());

    std::fs::create_dir_all(path("tree/a/b/c")).unwrap();
    for index in 0..600 {
        std::fs::write(path(&format!("tree/a/file-{index}")), "").unwrap();
    }
    std::fs::create_dir(path("outside")).unwrap();
    std::fs::write(path("outside/kept"), "").unwrap();
    symlink(path("outside"), path("tree/a/link")).unwrap();
    for name in ["tree", "tree", "new/place", "never"] {
        assert_eq!(
            call(&client, "Remove", json!({"path": path(name)})).await,
            Ok(json!({}))
        );
        assert!(!std::path::Path::new(&path(name)).exists());
    }
    assert!(std::path::Path::new(&path("outside/kept")).exists());
    symlink(path("outside"), path("link")).unwrap();
    call(&client, "Remove", json!({"path": path("link")})).await.unwrap();
    assert!(std::path::Path::new(&path("outside/kept")).exists());
    assert_eq!(
        call(&client, "Remove", json!({"path": "/"})).await,
        Err("invalid_argument".into())
    );
    assert_eq!(
        call(&client, "Remove", json!({"path": "/../."})).await,
        Err("invalid_argument".into())
    );
    assert_eq!(
        call(&client, "WatchDir", json!({"path": "/"})).await,
        Err("unimplemented".into())
    );
}

#[tokio::test]
async fn a_very_deep_tree_is_removed() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // Deeper than any path may be long, so only relative steps get there.
    let script = "i=0; while [ $i -lt 400 ]; do mkdir ddddddddddddddddddddd && cd ddddddddddddddddddddd || exit 1; i=$((i+1)); done";
    let message =
        json!({"process": {"cmd": "bash", "args": ["-c", script], "cwd": daemon.scratch().to_str().unwrap()}});
    assert_eq!(client.start(message).await.outcome().await.end.unwrap().exit_code, 0);
    let top = daemon.scratch().join("ddddddddddddddddddddd");
    call(&client, "Remove", json!({"path": top.to_str().unwrap()}))
        .await
        .unwrap();
    assert!(!top.exists());
}
