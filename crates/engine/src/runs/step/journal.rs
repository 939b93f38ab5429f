//! What the agent's processes wrote, as it came: kept in blob storage when the agent's work has ended.

use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_sandbox::{JournalStream, Sandbox};

use super::agent::{JOURNAL_LIMIT, tag};
use super::{StepContext, StepError};
use crate::error::chain;
use crate::variables::StreamRedactor;

/// How much of an agent's standard error is kept.
const STDERR_LIMIT: usize = 16 * 1024;

/// Keeps the output of the agent's processes one after the other, but for secrets: the raw side of the transcript. A
/// journal that can no longer be read (its sandbox is over) is no reason to fail: every event of it that was read is
/// stored.
pub(super) async fn keep(context: &StepContext, sandbox: &dyn Sandbox, processes: u32) -> Result<(), StepError> {
    if context.recorder.memo().journal.is_some() {
        return Ok(());
    }
    let failed = |error: &dyn std::error::Error| {
        tracing::error!(step = %context.step, "keeping the journal failed: {error}");
        Failure::new(
            FailureClass::Internal,
            "The agent's output could not be kept. The log has the cause.",
        )
    };
    let file = tempfile::NamedTempFile::new_in(&context.engine.scratch).map_err(|error| failed(&error))?;
    let (file, path) = file.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let (mut written, mut ends) = (0, Vec::new());
    for number in 1..=processes {
        let mut clean = StreamRedactor::new(&context.environment.redactor);
        let mut output = match sandbox.journal(&tag(number), JournalStream::Stdout, 0).await {
            Ok(output) => output,
            Err(error) => {
                tracing::warn!(step = %context.step, "the journal is gone: {}", chain(&error));
                return Ok(());
            }
        };
        while let Some(chunk) = output.next().await {
            match chunk {
                Ok(chunk) => {
                    let chunk = clean.feed(&chunk);
                    file.write_all(&chunk).await.map_err(|error| failed(&error))?;
                    written += chunk.len() as u64;
                }
                Err(error) => {
                    tracing::warn!(step = %context.step, "the journal broke off: {}", chain(&error));
                    return Ok(());
                }
            }
        }
        let rest = clean.finish();
        file.write_all(&rest).await.map_err(|error| failed(&error))?;
        written += rest.len() as u64;
        ends.push(written);
    }
    file.flush().await.map_err(|error| failed(&error))?;
    let blob = context.engine.blobs.put_file(&path, 2 * JOURNAL_LIMIT).await;
    let blob = blob.map_err(|error| failed(&error))?;
    context.hold_journal(blob.name).await?;
    let name = blob.name.to_string();
    context.recorder.note(Vec::new(), move |memo| {
        memo.journal = Some(name);
        memo.journal_ends = ends;
    });
    Ok(())
}

/// The beginning of what a process wrote to its standard error.
pub(super) async fn stderr(context: &StepContext, sandbox: &dyn Sandbox, tag: &str) -> String {
    let mut bytes = Vec::new();
    match sandbox.journal(tag, JournalStream::Stderr, 0).await {
        Ok(mut output) => {
            while let Some(Ok(chunk)) = output.next().await {
                bytes.extend_from_slice(&chunk);
                if bytes.len() >= STDERR_LIMIT {
                    bytes.truncate(STDERR_LIMIT);
                    break;
                }
            }
        }
        Err(error) => tracing::warn!(step = %context.step, "standard error not readable: {}", chain(&error)),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
