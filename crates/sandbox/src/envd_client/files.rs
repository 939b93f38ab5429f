//! Files: whole ones in memory within a bound, and streams from and to files of the host.

use std::path::Path;

use bytes::Bytes;
use codecourier_e2b::files::ROUTE_FILES;
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::AsyncWriteExt;

use super::transport::{Body, EnvdClient, Failed, collect, in_time, percent_encoded, stream, whole};
use crate::FileOwner;

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
