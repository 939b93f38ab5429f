//! The asking side.

use std::path::Path;

use codecourier_engine::ErrorCode;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{Address, Answer, LINE_LIMIT, Request};
use crate::exit::Exit;
use crate::problem::Problem;

/// Asks the process that works in a data directory.
pub(crate) async fn ask(data_directory: &Path, request: &Request) -> Result<Answer, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(
            Exit::Environment,
            ErrorCode::DataDirectoryInUse,
            format!(
                "Another process holds the data directory {} and does not answer: {error}.",
                data_directory.display()
            ),
        )
        .with_remedy("Try again in a moment; it may be starting or ending.")
    };
    let address = Address::of(data_directory).map_err(failed)?;
    let mut stream = UnixStream::connect(&address.path).await.map_err(failed)?;
    let mut text = serde_json::to_string(request).map_err(|error| failed(error.into()))?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await.map_err(failed)?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_LIMIT))
        .read_line(&mut line)
        .await
        .map_err(failed)?;
    serde_json::from_str(&line).map_err(|_| failed(std::io::Error::other("it ended before it answered")))
}

/// A refusal as a problem.
pub(crate) fn refused(code: &str, message: String) -> Problem {
    let code = ErrorCode::from_word(code).unwrap_or(ErrorCode::Internal);
    let exit = match code {
        ErrorCode::Validation | ErrorCode::NotFound | ErrorCode::Conflict => Exit::Usage,
        _ => Exit::Failed,
    };
    Problem::new(exit, code, message)
}
