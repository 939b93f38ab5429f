//! `POST /files`: raw bytes or a form with any number of files, written as they arrive.
//!
//! A file is written in place, not renamed over: its watchers see one creation, its links stay, its mode stays.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use codecourier_e2b::files::UploadedFile;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use rustix::fs::Mode;
use rustix::process::{Gid, Uid};

use super::super::Server;
use super::super::server::{Body, HttpRefusal, Query, RequestBody, basic_user, json_response};
use super::super::users::Identity;
use super::error::PathError;
use super::metadata;
use super::multipart::{Event, Malformed, Reader, boundary};
use super::path::{make_directories, resolve};

/// The form field whose parts are files.
const FILE_FIELD: &str = "file";
/// Files of one request.
const FILES_LIMIT: usize = 10_000;

/// The user a request for files names: in its address, or in its `Authorization`.
pub(crate) fn find_user(server: &Server, query: &Query, headers: &HeaderMap) -> Result<Identity, HttpRefusal> {
    let name = query
        .get("username")
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .or_else(|| basic_user(headers));
    server.find_user(name.as_deref()).map_err(|_| {
        let name = name.unwrap_or_default();
        HttpRefusal::unauthorized(format!("error looking up user '{name}': user: unknown user {name}"))
    })
}

/// Stores what a request carries.
pub(crate) async fn upload(
    server: &Rc<Server>,
    query: &Query,
    request: Request<RequestBody>,
) -> Result<Response<Body>, HttpRefusal> {
    let (head, body) = request.into_parts();
    if head
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding.as_bytes() != b"identity")
    {
        let message = "compressed uploads are not supported: send them as they are";
        return Err(HttpRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let upload = Upload {
        identity: find_user(server, query, &head.headers)?,
        metadata: metadata::from_headers(&head.headers)?,
        path: query.get("path").filter(|path| !path.is_empty()).map(str::to_owned),
        mode: query.get("mode").map(parse_mode).transpose()?,
    };
    let kind = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let stored = match essence.as_str() {
        "multipart/form-data" => upload.store_form(body, &boundary(kind).map_err(malformed)?).await?,
        "application/octet-stream" => vec![upload.store_raw(body).await?],
        _ => {
            let message =
                format!("content type '{essence}' is neither multipart/form-data nor application/octet-stream");
            return Err(HttpRefusal::bad_request(message));
        }
    };
    Ok(json_response(StatusCode::OK, &stored))
}

struct Upload {
    identity: Identity,
    metadata: BTreeMap<String, String>,
    path: Option<String>,
    /// Ours: permission bits, set before the first byte is written.
    mode: Option<Mode>,
}

impl Upload {
    async fn store_raw(&self, mut body: RequestBody) -> Result<UploadedFile, HttpRefusal> {
        let path = self.path.as_deref();
        let path =
            path.ok_or_else(|| HttpRefusal::bad_request("path query parameter is required for raw body upload"))?;
        let mut target = self.open(path)?;
        while let Some(chunk) = next_chunk(&mut body).await? {
            target.write(&chunk)?;
        }
        Ok(self.stored(&target.path))
    }

    async fn store_form(&self, mut body: RequestBody, boundary: &str) -> Result<Vec<UploadedFile>, HttpRefusal> {
        let mut reader = Reader::new(boundary);
        let mut stored: Vec<UploadedFile> = Vec::new();
        let mut target: Option<Target> = None;
        while let Some(chunk) = next_chunk(&mut body).await? {
            reader.push(&chunk);
            while let Some(event) = reader.next_event().map_err(malformed)? {
                match event {
                    Event::Part { name, file_name } if name == FILE_FIELD => {
                        if stored.len() >= FILES_LIMIT {
                            return Err(HttpRefusal::bad_request(format!("more than {FILES_LIMIT} files")));
                        }
                        // The address names the first file; more than one have to bring their own names.
                        let first = self.path.as_deref().filter(|_| stored.is_empty());
                        let path = first.map(str::to_owned).or(file_name).filter(|path| !path.is_empty());
                        let missing = "a file of the form has no name, and no path query parameter names it";
                        target = Some(self.open(&path.ok_or_else(|| HttpRefusal::bad_request(missing))?)?);
                    }
                    // Another field: read past it.
                    Event::Part { .. } => target = None,
                    Event::Data(bytes) => {
                        if let Some(target) = &mut target {
                            target.write(&bytes)?;
                        }
                    }
                    Event::PartEnd => stored.extend(target.take().map(|target| self.stored(&target.path))),
                    Event::End => {}
                }
            }
        }
        reader.finish().map_err(malformed)?;
        Ok(stored)
    }

    fn open(&self, path: &str) -> Result<Target, HttpRefusal> {
        let path = resolve(path, &self.identity.home);
        if fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(HttpRefusal::bad_request(format!(
                "path '{}' is a directory",
                path.display()
            )));
        }
        let failed = |error: &io::Error| HttpRefusal::from(PathError::from_io(error, "writing", &path));
        if let Some(parent) = path.parent() {
            make_directories(parent, &self.identity).map_err(|error| failed(&error))?;
        }
        let file = open_for_writing(&path).map_err(|error| failed(&error))?;
        if !file.metadata().map_err(|error| failed(&error))?.is_file() {
            return Err(HttpRefusal::bad_request(format!(
                "path '{}' is not a regular file",
                path.display()
            )));
        }
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(self.identity.uid), Gid::from_raw(self.identity.gid));
            rustix::fs::fchown(&file, Some(uid), Some(gid)).map_err(|error| failed(&error.into()))?;
        }
        if let Some(mode) = self.mode {
            rustix::fs::fchmod(&file, mode).map_err(|error| failed(&error.into()))?;
        }
        metadata::replace(&file, &self.metadata).map_err(|error| failed(&error))?;
        Ok(Target { file, path })
    }

    fn stored(&self, path: &Path) -> UploadedFile {
        UploadedFile {
            path: path.to_string_lossy().into_owned(),
            name: path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            kind: "file".to_owned(),
            metadata: self.metadata.clone(),
        }
    }
}

/// `755`: octal permission bits.
fn parse_mode(text: &str) -> Result<Mode, HttpRefusal> {
    let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777);
    bits.map(Mode::from_bits_truncate)
        .ok_or_else(|| HttpRefusal::bad_request(format!("mode '{text}' is not octal permission bits")))
}

/// A new file (0644 by our mask), or the one that is there, emptied.
fn open_for_writing(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A pipe without a reader, or a terminal, must not hold this thread.
    options.write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    match options.clone().create_new(true).mode(0o644).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => return result,
    }
    // Also through a link to nothing, which is made then.
    options.create(true).truncate(true).mode(0o644).open(path)
}

struct Target {
    file: File,
    path: PathBuf,
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> Result<(), HttpRefusal> {
        self.file
            .write_all(bytes)
            .map_err(|error| PathError::from_io(&error, "writing", &self.path).into())
    }
}

async fn next_chunk(body: &mut RequestBody) -> Result<Option<Bytes>, HttpRefusal> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
            Some(Err(error)) => return Err(HttpRefusal::bad_request(format!("cannot read the request: {error}"))),
        }
    }
}

fn malformed(reason: Malformed) -> HttpRefusal {
    HttpRefusal::bad_request(reason.message())
}
