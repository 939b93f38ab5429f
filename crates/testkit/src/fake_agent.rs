//! A scripted agent: what stands in a fake sandbox where Claude Code stands in a real one.
//!
//! A [`Script`] is asked once, with the first message, what the agent is going to do; [`Act`]s are then played in order,
//! as lines of Claude Code's stream-json on standard output and as edits of the project. Invariant: an agent knows
//! nothing of the engine and outlives it, so whatever a script writes is written once, however often engines die.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use codecourier_sandbox::{EndedBecause, ExitStatus, Signal};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};

use crate::fake_sandbox::{Process, Room};
use crate::spawn;

/// What agents do: asked once per session.
pub type Script = Arc<dyn Fn(&AgentCall) -> Vec<Act> + Send + Sync>;

/// A session that begins.
#[derive(Debug, Clone)]
pub struct AgentCall {
    /// The role in the message's first line.
    pub role: String,
    /// The iteration in its second line.
    pub iteration: u32,
    /// The whole message.
    pub prompt: String,
    /// The project directory, on the host.
    pub project: PathBuf,
    /// Whether its process takes up a session of one before it.
    pub resumes: bool,
}

/// One thing that an agent does.
#[derive(Clone)]
pub enum Act {
    /// Says a text.
    Say(String),
    /// Says pieces of a text, which are shown and not kept.
    Pieces(Vec<String>),
    /// Calls a tool, and has its result.
    Tool {
        /// The tool.
        name: String,
        /// What it gives.
        output: String,
    },
    /// Calls a tool, and has a picture as its result.
    Look {
        /// The tool.
        name: String,
        /// The picture.
        picture: Vec<u8>,
    },
    /// Writes a file of the project.
    Write {
        /// Its path in the project.
        path: String,
        /// What is in it.
        content: String,
    },
    /// Writes the verdict's file, whatever the text.
    Verdict(String),
    /// Runs a line of shell in the project.
    Shell(String),
    /// Writes bytes to standard output as they are.
    Raw(Vec<u8>),
    /// Writes to standard error.
    Complain(String),
    /// Asks whether it may use a tool, and ends itself unless the answer is the next thing that it is told.
    AskPermission(String),
    /// Asks the model once, through the gateway. An answer that is no success ends the turn with it, and the agent.
    AskModel,
    /// Waits until the test lets it go on.
    Pass(Gate),
    /// Ends the turn, and waits for a message or the end of the input.
    EndTurn(String),
    /// Ends the turn with an error of the model's provider, and the agent.
    FailTurn {
        /// The HTTP status.
        status: u16,
        /// The words.
        message: String,
    },
    /// Ends the process.
    Exit(ExitStatus),
    /// Does nothing any more, for ever.
    Hang,
    /// Ends the whole sandbox.
    EndSandbox(EndedBecause),
    /// Asks the script at each message, the first included, and plays what it says as a turn, which ends by itself and
    /// when it is interrupted; until the end of the input. A message in the middle of a turn is heard in it.
    Converse(Script),
}

/// A script of conversations: asked at each message what the agent does in the turn that begins with it.
#[must_use]
pub fn conversation(script: impl Fn(&AgentCall) -> Vec<Act> + Send + Sync + 'static) -> Script {
    always(vec![Act::Converse(Arc::new(script))])
}

/// A place where an agent waits for a test, and where a test waits for an agent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    reached: Arc<watch::Sender<u32>>,
    is_open: Arc<watch::Sender<bool>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            reached: Arc::new(watch::Sender::new(0)),
            is_open: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Gate {
    /// Lets everybody pass, now and later.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until that many have come to it.
    pub async fn reached(&self, times: u32) {
        let mut reached = self.reached.subscribe();
        // The sender is this gate's own.
        let _ = reached.wait_for(|count| *count >= times).await;
    }

    /// Comes to it and waits until it is open.
    pub async fn pass(&self) {
        self.reached.send_modify(|count| *count += 1);
        let mut is_open = self.is_open.subscribe();
        let _ = is_open.wait_for(|is_open| *is_open).await;
    }
}

/// A script that does the same whoever asks.
pub fn always(acts: Vec<Act>) -> Script {
    Arc::new(move |_| acts.clone())
}

/// A script from a function.
pub fn script(script: impl Fn(&AgentCall) -> Vec<Act> + Send + Sync + 'static) -> Script {
    Arc::new(script)
}

/// The checker's `fail`, as it stands in the file.
#[must_use]
pub fn fail_verdict(feedback: &str) -> String {
    json!({"verdict": "fail", "feedback": feedback}).to_string()
}

/// The checker's `pass`, as it stands in the file.
#[must_use]
pub fn pass_verdict() -> String {
    json!({"verdict": "pass"}).to_string()
}

/// The demo's story: the first attempt is wrong in `answer.txt`, the checker says so, the second is right.
#[must_use]
pub fn designer_and_checker() -> Script {
    script(|call| match (call.role.as_str(), call.iteration) {
        ("designer", iteration) => {
            let answer = if iteration == 1 { "41\n" } else { "42\n" };
            vec![
                Act::Pieces(vec!["I will ".to_owned(), "write it.".to_owned()]),
                Act::Say(format!("I will write the answer, attempt {iteration}.")),
                Act::Tool {
                    name: "Write".to_owned(),
                    output: "written, \u{fc}nicode and a \"quote\"".to_owned(),
                },
                Act::Write {
                    path: "answer.txt".to_owned(),
                    content: answer.to_owned(),
                },
                Act::AskPermission("Bash".to_owned()),
                Act::Complain("warning: this is a fake\n".to_owned()),
                Act::EndTurn(format!("Wrote the answer, attempt {iteration}.")),
            ]
        }
        ("checker", 1) => vec![
            Act::Say("The answer is wrong.".to_owned()),
            Act::Verdict(fail_verdict("The answer must be 42.")),
            Act::EndTurn("It does not pass.".to_owned()),
        ],
        _ => vec![
            Act::Say("The answer is right.".to_owned()),
            Act::Verdict(pass_verdict()),
            Act::EndTurn("It passes.".to_owned()),
        ],
    })
}

/// How the agent's process goes on after an act.
enum After {
    Next,
    End(ExitStatus),
}

/// Plays an agent from its first message to its end.
pub(crate) async fn play(
    script: Script,
    room: Arc<Room>,
    process: Arc<Process>,
    mut input: mpsc::UnboundedReceiver<Bytes>,
) {
    let status = tokio::select! {
        biased;
        signal = process.signalled(Signal::Terminate) => match signal {
            Signal::Terminate => ExitStatus::Signalled(15),
            Signal::Kill => ExitStatus::Signalled(9),
        },
        // Whoever ended the sandbox ended this process.
        () = room.over() => return,
        status = session(&script, &room, &process, &mut input) => status,
    };
    process.end(status);
}

async fn session(
    script: &Script,
    room: &Arc<Room>,
    process: &Process,
    input: &mut mpsc::UnboundedReceiver<Bytes>,
) -> ExitStatus {
    let Some(first) = input.recv().await else {
        return ExitStatus::Exited(0);
    };
    let prompt = message_text(&first);
    let line = |prefix: &str| {
        prompt
            .lines()
            .find_map(|line| line.strip_prefix(prefix))
            .unwrap_or_default()
    };
    let call = AgentCall {
        role: line("Role: ").to_owned(),
        iteration: line("Iteration: ").parse().unwrap_or(0),
        project: room.project(),
        prompt: prompt.clone(),
        resumes: process.spec.args.iter().any(|argument| argument == "--resume"),
    };
    let acts = script(&call);
    let session = process
        .spec
        .args
        .iter()
        .skip_while(|argument| !["--session-id", "--resume"].contains(&argument.as_str()))
        .nth(1);
    write_line(
        process,
        &json!({"type": "system", "subtype": "init", "session_id": session, "model": "fake-model",
                "claude_code_version": "0.0.0-fake", "tools": ["Bash", "Write"]}),
    );
    if let [Act::Converse(script)] = acts.as_slice() {
        return converse(script, call, room, process, input).await;
    }
    let waits_for_more = matches!(acts.last(), Some(Act::EndTurn(_)));
    let mut calls = 0;
    for act in acts {
        room.runs().await;
        match perform(act, room, process, input, &mut calls).await {
            After::Next => {}
            After::End(status) => return status,
        }
    }
    if !waits_for_more {
        return ExitStatus::Exited(0);
    }
    loop {
        let act = Act::EndTurn("There is nothing more to say.".to_owned());
        if let After::End(status) = perform(act, room, process, input, &mut calls).await {
            return status;
        }
    }
}

/// Plays turn after turn, from the first message to the end of the input.
async fn converse(
    script: &Script,
    first: AgentCall,
    room: &Arc<Room>,
    process: &Process,
    input: &mut mpsc::UnboundedReceiver<Bytes>,
) -> ExitStatus {
    let mut call = first;
    let mut calls = 0;
    loop {
        let ended = {
            let turn = async {
                // Nothing is asked in it, so nothing is read.
                let (_, mut nothing) = mpsc::unbounded_channel();
                for act in script(&call) {
                    if let After::End(status) = perform(act, room, process, &mut nothing, &mut calls).await {
                        return Some(status);
                    }
                }
                None
            };
            tokio::pin!(turn);
            loop {
                tokio::select! {
                    biased;
                    ended = &mut turn => break ended,
                    line = input.recv() => match line {
                        None => return ExitStatus::Exited(0),
                        Some(line) if is_interrupt(&line) => {
                            write_line(process, &json!({"type": "result", "subtype": "error_during_execution",
                                "is_error": true, "terminal_reason": "aborted_streaming"}));
                            break None;
                        }
                        Some(line) => say(process, &format!("I heard: {}", message_text(&line))),
                    },
                }
            }
        };
        // The end of a turn that waits for nothing is none of the process.
        match ended {
            None | Some(ExitStatus::Exited(0)) => {}
            Some(status) => return status,
        }
        loop {
            let Some(line) = input.recv().await else {
                return ExitStatus::Exited(0);
            };
            if !is_interrupt(&line) {
                call.prompt = message_text(&line);
                break;
            }
        }
    }
}

fn is_interrupt(line: &[u8]) -> bool {
    let line: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    line["request"]["subtype"] == "interrupt"
}

async fn perform(
    act: Act,
    room: &Arc<Room>,
    process: &Process,
    input: &mut mpsc::UnboundedReceiver<Bytes>,
    calls: &mut u32,
) -> After {
    match act {
        Act::Say(text) => say(process, &text),
        Act::Pieces(pieces) => {
            for text in pieces {
                let delta = json!({"type": "text_delta", "text": text});
                write_line(
                    process,
                    &json!({"type": "stream_event", "event": {"type": "content_block_delta", "delta": delta}}),
                );
            }
        }
        Act::Tool { name, output } => use_tool(process, calls, &name, &json!(output)),
        Act::Look { name, picture } => {
            let source = json!({"type": "base64", "media_type": "image/png", "data": STANDARD.encode(picture)});
            use_tool(process, calls, &name, &json!([{"type": "image", "source": source}]));
        }
        Act::Write { path, content } => write_file(room.project().join(path), &content),
        Act::Verdict(text) => write_file(room.home().join(".codecourier/verdict.json"), &text),
        Act::Shell(line) => shell(room, &line).await,
        Act::Raw(bytes) => {
            process.stdout.append(&bytes);
        }
        Act::Complain(text) => {
            process.stderr.append(text.as_bytes());
        }
        Act::AskPermission(tool) => {
            *calls += 1;
            let id = format!("ask-{calls}");
            write_line(
                process,
                &json!({"type": "control_request", "request_id": id, "request":
                    {"subtype": "can_use_tool", "tool_name": tool, "input": {"number": calls}}}),
            );
            let answer = input.recv().await.unwrap_or_default();
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
            if answer["response"]["request_id"] != id.as_str() {
                process
                    .stderr
                    .append(format!("no answer to {id} but {answer}\n").as_bytes());
                return After::End(ExitStatus::Exited(9));
            }
        }
        Act::AskModel => {
            let answer = ask_model(room, process).await;
            if !(200..300).contains(&answer.status) {
                fail_turn(process, answer.status, &answer.body);
                return After::End(ExitStatus::Exited(1));
            }
        }
        Act::Pass(gate) => gate.pass().await,
        Act::EndTurn(text) => {
            write_line(
                process,
                &json!({"type": "result", "subtype": "success", "is_error": false, "result": text,
                        "usage": {"input_tokens": 3, "output_tokens": 5}}),
            );
            if input.recv().await.is_none() {
                return After::End(ExitStatus::Exited(0));
            }
        }
        Act::FailTurn { status, message } => {
            fail_turn(process, status, &message);
            return After::End(ExitStatus::Exited(1));
        }
        Act::Exit(status) => return After::End(status),
        // Only a whole session is a conversation.
        Act::Converse(_) => return After::End(ExitStatus::Exited(9)),
        Act::Hang => std::future::pending().await,
        Act::EndSandbox(because) => {
            room.end(because);
            std::future::pending().await
        }
    }
    After::Next
}

fn say(process: &Process, text: &str) {
    write_line(
        process,
        &json!({"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": text}]}}),
    );
}

fn use_tool(process: &Process, calls: &mut u32, name: &str, content: &serde_json::Value) {
    *calls += 1;
    let id = format!("toolu_{calls}");
    write_line(
        process,
        &json!({"type": "assistant", "message": {"role": "assistant", "content": [
            {"type": "tool_use", "id": id, "name": name, "input": {"number": calls}}]}}),
    );
    write_line(
        process,
        &json!({"type": "user", "message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": content}]}}),
    );
}

fn fail_turn(process: &Process, status: u16, message: &str) {
    write_line(
        process,
        &json!({"type": "result", "subtype": "success", "is_error": true, "terminal_reason": "api_error",
                "api_error_status": status, "result": format!("API Error: {status} {message}")}),
    );
}

fn write_line(process: &Process, line: &serde_json::Value) {
    process.stdout.append(format!("{line}\n").as_bytes());
}

/// A failure to write is the test's to notice: the result is not there.
fn write_file(path: PathBuf, content: &str) {
    let _ = path.parent().map(std::fs::create_dir_all);
    let _ = std::fs::write(path, content);
}

async fn shell(room: &Room, line: &str) {
    let mut command = spawn::command("/bin/sh");
    command
        .args(["-c", line])
        .current_dir(room.project())
        .env("HOME", room.home())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdout(Stdio::null());
    if let Ok(mut child) = tokio::process::Command::from(command).kill_on_drop(true).spawn() {
        let _ = child.wait().await;
    }
}

/// The text of a user message in stream-json. Pictures stand behind it, as `[media type, base64]`.
fn message_text(line: &[u8]) -> String {
    let line: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    match &line["message"]["content"] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(blocks) => {
            let text = |block: &serde_json::Value| block["text"].as_str().unwrap_or_default().to_owned();
            let picture = |block: &serde_json::Value| {
                let of = |name: &str| block["source"][name].as_str().map(str::to_owned);
                Some(format!("[{}, {}]", of("media_type")?, of("data")?))
            };
            let texts = blocks.iter().map(text);
            texts.chain(blocks.iter().filter_map(picture)).collect()
        }
        _ => String::new(),
    }
}

struct Answer {
    status: u16,
    body: String,
}

/// One request as the CLI makes them. Asks again when the connection breaks, as it does.
async fn ask_model(room: &Room, process: &Process) -> Answer {
    let variable = |name: &str| {
        let found = process.spec.env.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let path = variable("ANTHROPIC_BASE_URL");
    let path = path.split_once("4180").map_or("", |(_, path)| path);
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 1000,
                      "messages": [{"role": "user", "content": "hello"}]})
    .to_string();
    let request = format!(
        "POST {path}/v1/messages HTTP/1.1\r\nhost: 127.0.0.1:4180\r\nx-api-key: {}\r\nanthropic-version: \
         2023-06-01\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        variable("ANTHROPIC_API_KEY"),
        body.len()
    );
    for _ in 0..100 {
        room.runs().await;
        match exchange(room, &request).await {
            // What an engine that dies says with its last breath. The real ones ask again after such an answer.
            Ok(answer) if answer.body.contains("gave this request up") => {}
            Ok(answer) => return answer,
            Err(_) => {}
        }
        tokio::task::yield_now().await;
    }
    Answer {
        status: 0,
        body: "no connection to the model".to_owned(),
    }
}

async fn exchange(room: &Room, request: &str) -> std::io::Result<Answer> {
    let port = room.gateway_port()?;
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(Answer {
        status: status.ok_or_else(|| std::io::Error::other("no answer"))?,
        body: body.to_owned(),
    })
}
