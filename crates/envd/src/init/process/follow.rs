//! `GET /journal` and `GET /processes/exit`: the engine's way to read a process, byte by byte, across restarts.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use bytes::BytesMut;
use codecourier_e2b::extension::{HEADER_JOURNAL_PID, JournalStream};
use http::{Response, StatusCode};
use tokio::sync::watch;

use super::super::server::{Body, BodySender, HttpRefusal, Query, json_response};
use super::super::{Server, tasks};
use super::Process;
use super::journal::Progress;

const CHUNK_BYTES: usize = 64 * 1024;

/// Answers with a journal from an offset on, and follows it to the end.
pub(crate) fn follow_journal(server: &Server, query: &Query) -> Result<Response<Body>, HttpRefusal> {
    let process = tagged(server, query)?;
    let stream = query.get("stream").unwrap_or("stdout");
    let stream =
        JournalStream::from_word(stream).ok_or_else(|| HttpRefusal::bad_request("stream is stdout or stderr"))?;
    let offset = query.get("offset").unwrap_or("0");
    let offset: u64 = offset
        .parse()
        .map_err(|_| HttpRefusal::bad_request("offset is a number of bytes"))?;
    let journal = process
        .output
        .journal()
        .ok_or_else(|| HttpRefusal::not_found("this process has no journal"))?;
    let length = journal.length(stream);
    if offset > length {
        let message = format!("offset {offset} is past the end of the journal, {length}");
        return Err(HttpRefusal::new(StatusCode::RANGE_NOT_SATISFIABLE, message));
    }
    let file = journal
        .open(stream)
        .map_err(|error| HttpRefusal::internal(format!("cannot open the journal: {error}")))?;
    let (sender, body) = Body::channel();
    let response = Response::builder()
        .header(http::header::CONTENT_TYPE, "application/octet-stream")
        .header(HEADER_JOURNAL_PID, process.pid)
        .body(body)
        .map_err(|_| HttpRefusal::internal("no response"))?;
    tasks::spawn(async move {
        if let Some(journal) = process.output.journal() {
            send_from(&file, offset, journal.follow(stream), &sender).await;
        }
    });
    Ok(response)
}

async fn send_from(file: &File, mut offset: u64, mut progress: watch::Receiver<Progress>, client: &BodySender) {
    loop {
        let Progress { length, complete } = *progress.borrow_and_update();
        while offset < length {
            let chunk = usize::try_from(length - offset).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let mut bytes = BytesMut::zeroed(chunk);
            match file.read_at(&mut bytes, offset) {
                Ok(read) if read > 0 => {
                    bytes.truncate(read);
                    offset += read as u64;
                }
                Ok(_) => return client.fail(std::io::ErrorKind::UnexpectedEof.into()).await,
                // Cut off, so that the reader asks again from where it is instead of taking this for the end.
                Err(error) => return client.fail(error).await,
            }
            if client.send(bytes.freeze()).await.is_err() {
                return;
            }
        }
        if complete {
            return;
        }
        tokio::select! {
            () = client.closed() => return,
            changed = progress.changed() => if changed.is_err() { return },
        }
    }
}

/// Answers when the process has ended.
pub(crate) async fn wait_for_exit(server: &Rc<Server>, query: &Query) -> Result<Response<Body>, HttpRefusal> {
    let process = tagged(server, query)?;
    let mut end = process.end.subscribe();
    let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
    let ended = ended.ok_or_else(|| HttpRefusal::internal("the process has no end"))?;
    Ok(json_response(StatusCode::OK, &ended.record))
}

fn tagged(server: &Server, query: &Query) -> Result<Rc<Process>, HttpRefusal> {
    let tag = query
        .get("tag")
        .ok_or_else(|| HttpRefusal::bad_request("tag query parameter is required"))?;
    server
        .processes
        .tagged(tag)
        .ok_or_else(|| HttpRefusal::not_found(format!("process with tag {tag} not found")))
}
