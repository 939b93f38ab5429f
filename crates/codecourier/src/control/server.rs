//! The answering side: served by `run`, `resume` and `demo` while they hold the data directory.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codecourier_engine::records::Records;
use codecourier_engine::{Engine, Error as EngineError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Address, Answer, LINE_LIMIT, NAME, Request};
use crate::problem::Problem;

/// How long a client has to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket, while it is served.
pub(crate) struct ControlServer {
    path: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl ControlServer {
    /// Serves the socket of a data directory that this process holds.
    pub(crate) fn start(data_directory: &Path, engine: Engine, records: Records) -> Result<Self, Problem> {
        let path = data_directory.join(NAME);
        let failed = |error: std::io::Error| Problem::file("serve", &path, &error);
        // What a dead process left; nobody else can be serving, since the lock is ours.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let address = Address::of(data_directory).map_err(failed)?;
        let listener = UnixListener::bind(&address.path).map_err(failed)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (until, spawner) = (stop.clone(), tasks.clone());
        tasks.spawn(async move {
            loop {
                let client = tokio::select! {
                    () = until.cancelled() => return,
                    client = listener.accept() => client,
                };
                match client {
                    Ok((client, _)) => {
                        let (engine, records, until) = (engine.clone(), records.clone(), until.clone());
                        spawner.spawn(async move {
                            tokio::select! {
                                () = until.cancelled() => {}
                                () = serve(client, &engine, &records) => {}
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!("the control socket: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
        Ok(Self { path, stop, tasks })
    }

    /// Stops serving.
    pub(crate) async fn stop(self) {
        let _ = std::fs::remove_file(&self.path);
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn serve(client: UnixStream, engine: &Engine, records: &Records) {
    let (reader, mut writer) = client.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_LIMIT));
    let read = tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await;
    let answer = match read {
        Ok(Ok(length)) if length > 0 => match serde_json::from_str(&line) {
            Ok(request) => answer(request, engine, records).await,
            Err(error) => Answer::Refused {
                code: "VALIDATION".to_owned(),
                message: format!("The request cannot be read: {error}."),
            },
        },
        _ => return,
    };
    let mut text = serde_json::to_string(&answer).unwrap_or_default();
    text.push('\n');
    let _ = writer.write_all(text.as_bytes()).await;
}

async fn answer(request: Request, engine: &Engine, records: &Records) -> Answer {
    let done = match request {
        Request::Cancel { run } => cancel(&run, engine, records).await,
    };
    done.unwrap_or_else(|error| Answer::Refused {
        code: error.code.as_str().to_owned(),
        message: error.message,
    })
}

async fn cancel(text: &str, engine: &Engine, records: &Records) -> Result<Answer, EngineError> {
    let (project, run) = records.find(text).await?;
    tracing::info!(%run, "cancelled over the control socket");
    let runs = engine.runs();
    runs.cancel(project, run, "cli").await?;
    let status = runs.wait(project, run).await?;
    Ok(Answer::Ended { run, status })
}
