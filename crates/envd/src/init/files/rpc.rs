//! The methods of `filesystem.Filesystem`.

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use codecourier_e2b::filesystem::{EntryResponse, ListDirRequest, ListDirResponse, MoveRequest, PathRequest};
use codecourier_e2b::process::Empty;
use codecourier_e2b::{Code, ConnectError, parse};
use serde::Serialize;

use super::super::Server;
use super::super::users::{Identity, Names};
use super::entry::describe;
use super::error::{PathError, PathErrorKind};
use super::list::list;
use super::path::{make_directories, resolve};
use super::remove::remove;

/// Answers a call.
pub(crate) async fn call(
    server: &Rc<Server>,
    method: &str,
    message: &[u8],
    user: Option<&str>,
) -> Result<Bytes, ConnectError> {
    let identity = server.find_user(user)?;
    match method {
        "Stat" => {
            let path = resolve(&parse::<PathRequest>(message)?.path, &identity.home);
            entry(&path)
        }
        "MakeDir" => {
            let path = resolve(&parse::<PathRequest>(message)?.path, &identity.home);
            make_directory(&path, &identity)?;
            entry(&path)
        }
        "Move" => {
            let request: MoveRequest = parse(message)?;
            let destination = resolve(&request.destination, &identity.home);
            move_entry(&resolve(&request.source, &identity.home), &destination, &identity)?;
            entry(&destination)
        }
        "ListDir" => {
            let request: ListDirRequest = parse(message)?;
            let entries = list(resolve(&request.path, &identity.home), request.depth).await?;
            json(&ListDirResponse { entries })
        }
        "Remove" => {
            let path = resolve(&parse::<PathRequest>(message)?.path, &identity.home);
            if path == Path::new("/") {
                return Err(ConnectError::new(
                    Code::InvalidArgument,
                    "the root directory cannot be removed",
                ));
            }
            remove(&path)
                .await
                .map_err(|error| PathError::from_io(&error, "removing", &path))?;
            json(&Empty {})
        }
        _ => Err(ConnectError::new(
            Code::Unimplemented,
            format!("no unary method {method}"),
        )),
    }
}

fn json<Message: Serialize>(message: &Message) -> Result<Bytes, ConnectError> {
    let text = serde_json::to_vec(message).map_err(|error| ConnectError::new(Code::Internal, error.to_string()))?;
    Ok(text.into())
}

fn entry(path: &Path) -> Result<Bytes, ConnectError> {
    json(&EntryResponse {
        entry: describe(path, path, &Names::read())?,
    })
}

fn make_directory(path: &Path, identity: &Identity) -> Result<(), PathError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let message = format!("directory already exists: {}", path.display());
            return Err(PathError::new(PathErrorKind::Exists, message));
        }
        Ok(_) => {
            let message = format!("path already exists but it is not a directory: {}", path.display());
            return Err(PathError::new(PathErrorKind::WrongKind, message));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(PathError::from_io(&error, "looking at", path)),
    }
    make_directories(path, identity).map_err(|error| PathError::from_io(&error, "making", path))
}

fn move_entry(source: &Path, destination: &Path, identity: &Identity) -> Result<(), PathError> {
    // Before anything is made for it.
    fs::symlink_metadata(source).map_err(|error| PathError::from_io(&error, "moving", source))?;
    if let Some(parent) = destination.parent() {
        make_directories(parent, identity).map_err(|error| PathError::from_io(&error, "making", parent))?;
    }
    fs::rename(source, destination).map_err(|error| match PathError::from_io(&error, "moving", source) {
        // The source was there: what is missing or there already is about the destination.
        _ if error.raw_os_error() == Some(libc::ENOTEMPTY) => PathError::new(
            PathErrorKind::State,
            format!("'{}' is a directory and not empty", destination.display()),
        ),
        other => other,
    })
}
