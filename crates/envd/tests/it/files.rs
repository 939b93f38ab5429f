//! Contents of files, up and down.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

const RAW: &str = "application/octet-stream";

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_whole_and_in_parts() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let path = daemon.scratch().join("new/deep/file.bin");
    let address = format!("/files?path={}", path.display());
    let contents: Vec<u8> = (0..300_000_u32).map(|position| (position % 251) as u8).collect();
    let (status, body) = client.post(&address, RAW, contents.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        json_of(&body),
        json!([{"path": path.to_str().unwrap(), "name": "file.bin", "type": "file"}])
    );
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);

    let (status, headers, body) = client.get(&address).await;
    assert_eq!((status, body.as_ref()), (StatusCode::OK, contents.as_slice()));
    assert_eq!(headers["content-type"], RAW);
    assert_eq!(headers["content-length"], "300000");
    let tag = headers["etag"].to_str().unwrap().to_owned();
    let (status, headers, body) = client.with("range", "bytes=1000-1999").get(&address).await;
    assert_eq!(
        (status, body.as_ref()),
        (StatusCode::PARTIAL_CONTENT, &contents[1000..2000])
    );
    assert_eq!(headers["content-range"], "bytes 1000-1999/300000");
    let (_, _, body) = client.with("range", "bytes=-5").get(&address).await;
    assert_eq!(body.as_ref(), &contents[299_995..]);
    let (status, headers, _) = client.with("range", "bytes=300000-").get(&address).await;
    assert_eq!(
        (status, headers["content-range"].to_str().unwrap()),
        (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */300000")
    );
    assert_eq!(
        client.with("if-none-match", &tag).get(&address).await.0,
        StatusCode::NOT_MODIFIED
    );
    let other = client.with("range", "bytes=0-1").with("if-range", "\"other\"");
    assert_eq!(other.get(&address).await.0, StatusCode::OK);

    // Shorter, and the mode stays.
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o750)).unwrap();
    client.post(&address, RAW, "short").await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    client.post(&address, RAW, "").await;
    assert_eq!(client.get(&address).await.2, "");
}

#[tokio::test]
async fn a_form_carries_one_file_or_many() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let directory = daemon.scratch().to_str().unwrap().to_owned();
    let part = |name: &str, file_name: Option<&str>, content: &str| {
        let file_name = file_name.map_or_else(String::new, |name| format!("; filename=\"{name}\""));
        format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n{content}\r\n")
    };
    let form = "multipart/form-data; boundary=frontier";
    let one = part("file", None, "one") + "--frontier--\r\n";
    let (status, body) = client.post(&format!("/files?path={directory}/one"), form, one).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(json_of(&body)[0]["name"], "one");
    let many = part("other", Some("/ignored"), "x")
        + &part("file", Some(&format!("{directory}/a%22b")), "first")
        + &part("file", Some(&format!("{directory}/sub/c")), "second")
        + "--frontier--";
    let (_, body) = client.post("/files", form, many).await;
    assert_eq!(json_of(&body).as_array().unwrap().len(), 2);
    assert_eq!(std::fs::read_to_string(format!("{directory}/one")).unwrap(), "one");
    assert_eq!(std::fs::read_to_string(format!("{directory}/a\"b")).unwrap(), "first");
    assert_eq!(std::fs::read_to_string(format!("{directory}/sub/c")).unwrap(), "second");
    for bad in [
        part("file", None, "nameless") + "--frontier--",
        part("file", Some("/tmp/x"), "cut off"),
        "nonsense".into(),
    ] {
        assert_eq!(client.post("/files", form, bad).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(
        client.post("/files", "multipart/form-data", "x").await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn files_belong_to_their_user_and_paths_start_at_home() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let path = daemon.scratch().join("mine/file");
    let (status, _) = client
        .post(&format!("/files?path={}&username=nobody", path.display()), RAW, "x")
        .await;
    assert_eq!(status, StatusCode::OK);
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with("nobody:")).unwrap();
    let uid: u32 = line.split(':').nth(2).unwrap().parse().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().uid(), uid);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().uid(), uid);
    // The scratch directory was there before.
    assert_eq!(std::fs::metadata(daemon.scratch()).unwrap().uid(), 0);
    let (status, _, body) = client.get("/files?path=~/../etc/passwd").await;
    assert_eq!((status, body.as_ref()), (StatusCode::OK, passwd.as_bytes()));
    let (status, _, body) = client.get("/files?path=x&username=nobody-at-all").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let message = "error looking up user 'nobody-at-all': user: unknown user nobody-at-all";
    assert_eq!(json_of(&body), json!({"code": 401, "message": message}));
}

#[tokio::test]
async fn metadata_is_kept_and_replaced() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let path = daemon.scratch().join("file");
    let address = format!("/files?path={}", path.display());
    let probe = rustix::fs::setxattr(daemon.scratch(), "user.probe", b"1", rustix::fs::XattrFlags::empty());
    let (status, body) = client
        .with("X-Metadata-Author", "me")
        .with("X-Metadata-Kind", "a b")
        .post(&address, RAW, "x")
        .await;
    if probe.is_err() {
        assert_eq!(
            status,
            StatusCode::INTERNAL_SERVER_ERROR,
            "no attributes on this file system, and the client must know"
        );
        return;
    }
    assert_eq!(status, StatusCode::OK);
    assert_eq!(json_of(&body)[0]["metadata"], json!({"author": "me", "kind": "a b"}));
    let stat = async || {
        let message = json!({"path": path.to_str().unwrap()});
        client.call("filesystem.Filesystem/Stat", message).await.unwrap()["entry"]["metadata"].clone()
    };
    assert_eq!(stat().await, json!({"author": "me", "kind": "a b"}));
    client.with("X-Metadata-Kind", "other").post(&address, RAW, "x").await;
    assert_eq!(stat().await, json!({"kind": "other"}));
    client.post(&address, RAW, "x").await;
    assert_eq!(stat().await, Value::Null);
}

#[tokio::test]
async fn what_is_no_file_is_refused_without_waiting() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let place = |name: &str| daemon.scratch().join(name);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o666),
        0,
    )
    .unwrap();
    std::fs::write(place("file"), "x").unwrap();
    symlink("circle", place("circle")).unwrap();
    let status = async |method: Method, path: &str| {
        let client = client.with("content-type", RAW);
        let answer = client
            .send(method, &format!("/files?path={path}"), Full::new(Bytes::from("y")))
            .await;
        let (status, _, body) = answer.whole().await;
        assert_eq!(json_of(&body)["code"], status.as_u16());
        status.as_u16()
    };
    let scratch = daemon.scratch().display().to_string();
    for (path, read, write) in [
        (scratch.clone(), 400, 400),
        (format!("{scratch}/missing/x/.."), 404, 400),
        (format!("{scratch}/pipe"), 400, 400),
        (format!("{scratch}/file/below"), 400, 400),
        (format!("{scratch}/circle"), 409, 409),
        ("/dev/zero".to_owned(), 400, 400),
        (format!("{scratch}/{}", "n".repeat(300)), 400, 400),
        ("a%00b".to_owned(), 400, 400),
        (String::new(), 400, 400),
    ] {
        assert_eq!(status(Method::GET, &path).await, read, "read {path}");
        if !path.ends_with("..") {
            assert_eq!(status(Method::POST, &path).await, write, "write {path}");
        }
    }
    let (status, _) = client
        .post(&format!("/files?path={scratch}/x"), "text/plain", "x")
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let zipped = client
        .with("content-encoding", "gzip")
        .post(&format!("/files?path={scratch}/x"), RAW, "x")
        .await;
    assert_eq!(zipped.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    let small = tempfile::tempdir().unwrap();
    rustix::mount::mount(
        "envd-test",
        small.path(),
        "tmpfs",
        rustix::mount::MountFlags::empty(),
        Some(c"size=65536"),
    )
    .unwrap();
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let address = format!("/files?path={}/big", small.path().display());
    let (status, body) = client.post(&address, RAW, vec![0; 1 << 20]).await;
    rustix::mount::unmount(small.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(
        json_of(&body)["message"]
            .as_str()
            .unwrap()
            .starts_with("not enough disk space")
    );
}

#[tokio::test]
async fn half_a_gigabyte_passes_both_ways_in_bounded_memory() {
    const CHUNK: usize = 1 << 20;
    const CHUNKS: usize = 512;
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let address = format!("/files?path={}/big", daemon.scratch().display());
    let chunk = Bytes::from(vec![0xa5; CHUNK]);
    let body = Pieces((0..CHUNKS).map(move |_| chunk.clone()));
    let (status, _, _) = client
        .with("content-type", RAW)
        .send(Method::POST, &address, body)
        .await
        .whole()
        .await;
    assert_eq!(status, StatusCode::OK);
    let mut answer = client.send(Method::GET, &address, Full::new(Bytes::new())).await;
    let mut length = 0;
    while let Some(bytes) = answer.chunk().await {
        length += bytes.len();
    }
    assert_eq!(length, CHUNK * CHUNKS);
    let peak = daemon.memory("VmHWM");
    assert!(peak < 32 * 1024, "{peak} kB");
}

/// A body of what an iterator yields.
struct Pieces<I>(I);

impl<I: Iterator<Item = Bytes> + Unpin> http_body::Body for Pieces<I> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(self.0.next().map(|bytes| Ok(Frame::data(bytes))))
    }
}
