//! Files: whole ones in memory within a bound, and streams from and to files of the host.

use std::path::Path;

use bytes::Bytes;
use codecourier_domain::time::Timestamp;
use codecourier_e2b::extension::{
    BeneathEntry, BeneathKind, BeneathPage, HEADER_FILE_BYTES, HEADER_FILE_MODIFIED, ROUTE_BENEATH_FILE,
    ROUTE_BENEATH_LIST,
};
use codecourier_e2b::files::ROUTE_FILES;
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::AsyncWriteExt;

use super::transport::{Body, EnvdClient, Failed, collect, in_time, percent_encoded, stream, whole};
use crate::{DirectoryEntry, DirectoryPage, FileBeginning, FileKind, FileOwner, LinkTarget};

/// Bytes of the answer for an entry, at most: a name of 255 bytes and a target of 4095, escaped.
const LONGEST_ENTRY: usize = 32 << 10;

impl EnvdClient {
    /// Writes a file.
    pub(crate) async fn write(&self, path: &str, bytes: Bytes, mode: u32, owner: FileOwner) -> Result<(), Failed> {
        in_time(self.upload(path, whole(bytes), mode, owner)).await
    }

    /// Writes a file from one of the host.
    pub(crate) async fn write_from(
        &self,
        path: &str,
        host_file: &Path,
        mode: u32,
        owner: FileOwner,
    ) -> Result<(), Failed> {
        let file = tokio::fs::File::open(host_file).await.map_err(Failed::Host)?;
        let chunks = tokio_util::io::ReaderStream::with_capacity(file, 256 << 10).map_ok(Frame::data);
        self.upload(path, BodyExt::boxed(StreamBody::new(chunks)), mode, owner)
            .await
    }

    /// Reads a file.
    pub(crate) async fn read(&self, path: &str, limit: u64) -> Result<Bytes, Failed> {
        in_time(async {
            let response = self
                .send("GET", &self.query(path, FileOwner::Root), None, whole(Bytes::new()))
                .await?;
            collect(response.into_body(), usize::try_from(limit).unwrap_or(usize::MAX)).await
        })
        .await
    }

    /// Reads a file into one of the host; returns its size.
    pub(crate) async fn read_to(&self, path: &str, host_file: &Path, limit: u64) -> Result<u64, Failed> {
        let response = in_time(self.send("GET", &self.query(path, FileOwner::Root), None, whole(Bytes::new()))).await?;
        let mut chunks = stream(response.into_body());
        let mut file = tokio::fs::File::create(host_file).await.map_err(Failed::Host)?;
        let mut size = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            size += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if size > limit {
                return Err(Failed::TooLarge);
            }
            file.write_all(&chunk).await.map_err(Failed::Host)?;
        }
        file.flush().await.map_err(Failed::Host)?;
        Ok(size)
    }

    /// A page of a directory below a root.
    pub(crate) async fn list_beneath(
        &self,
        root: &str,
        path: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<DirectoryPage, Failed> {
        let after = after.map(|after| format!("&after={}", percent_encoded(after)));
        let query = format!("{}&limit={limit}{}", beneath(root, path), after.unwrap_or_default());
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let page: BeneathPage = in_time(async {
            let address = format!("{ROUTE_BENEATH_LIST}?{query}");
            let response = self.send("GET", &address, None, whole(Bytes::new())).await?;
            let answer = collect(response.into_body(), most.saturating_mul(LONGEST_ENTRY)).await?;
            serde_json::from_slice(&answer).map_err(|error| Failed::Protocol(error.to_string()))
        })
        .await?;
        let is_place = |next: &String| {
            next.len() <= DirectoryPage::LONGEST_NEXT && next.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if page.entries.len() > most || !page.next.iter().all(is_place) {
            return Err(Failed::Protocol("this is no page of a directory".to_owned()));
        }
        Ok(DirectoryPage {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        })
    }

    /// The beginning of a file below a root.
    pub(crate) async fn read_beneath(&self, root: &str, path: &str, limit: u64) -> Result<FileBeginning, Failed> {
        let address = format!("{ROUTE_BENEATH_FILE}?{}&limit={limit}", beneath(root, path));
        in_time(async {
            let response = self.send("GET", &address, None, whole(Bytes::new())).await?;
            let number = |name: &str| -> Option<i64> { response.headers().get(name)?.to_str().ok()?.parse().ok() };
            let described = number(HEADER_FILE_BYTES).zip(number(HEADER_FILE_MODIFIED));
            let (size, modified_at) =
                described.ok_or_else(|| Failed::Protocol("the answer does not describe the file".to_owned()))?;
            Ok(FileBeginning {
                bytes: collect(response.into_body(), usize::try_from(limit).unwrap_or(usize::MAX)).await?,
                size: u64::try_from(size).unwrap_or(0),
                modified_at: Timestamp(modified_at),
            })
        })
        .await
    }

    async fn upload(&self, path: &str, body: Body, mode: u32, owner: FileOwner) -> Result<(), Failed> {
        let path = format!("{}&mode={:o}", self.query(path, owner), mode & 0o7777);
        self.send("POST", &path, Some("application/octet-stream"), body)
            .await
            .map(drop)
    }

    fn query(&self, path: &str, owner: FileOwner) -> String {
        let user = self
            .users
            .name(owner)
            .map(|name| format!("&username={name}"))
            .unwrap_or_default();
        format!("{ROUTE_FILES}?path={}{user}", percent_encoded(path))
    }
}

fn beneath(root: &str, path: &str) -> String {
    format!("root={}&path={}", percent_encoded(root), percent_encoded(path))
}

fn entry(entry: BeneathEntry) -> DirectoryEntry {
    let kind = |kind: BeneathKind| match kind {
        BeneathKind::File => FileKind::File,
        BeneathKind::Directory => FileKind::Directory,
        BeneathKind::Link => FileKind::Link,
        BeneathKind::Other => FileKind::Other,
    };
    DirectoryEntry {
        name: entry.name,
        kind: kind(entry.kind),
        size: entry.size,
        modified_at: Timestamp(entry.modified_ms),
        link: entry.target.map(|target| LinkTarget {
            target,
            leads_to: entry.leads_to.map(kind),
        }),
    }
}
