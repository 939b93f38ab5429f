//! The messages of `process.Process` against literal JSON of the protocol, and round trips.

use proptest::prelude::*;

use super::*;
use crate::parse;

fn reads<Message: for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(text: &str, expected: &Message) {
    assert_eq!(&parse::<Message>(text.as_bytes()).unwrap(), expected, "{text}");
}

#[test]
fn the_requests_of_the_official_clients_are_understood() {
    let start: StartRequest = parse(
        br#"{"process":{"cmd":"/bin/bash","args":["-l","-c","echo hi"],"envs":{"A":"1"},"cwd":"/tmp"},"stdin":false}"#,
    )
    .unwrap();
    assert_eq!(start.process.cmd, "/bin/bash");
    assert_eq!(start.process.args, ["-l", "-c", "echo hi"]);
    assert_eq!(start.process.envs["A"], "1");
    assert_eq!(start.stdin, Some(false));
    let pty: StartRequest =
        parse(br#"{"process":{"cmd":"sh"},"pty":{"size":{"cols":80,"rows":"24"}},"stdin":null}"#).unwrap();
    assert_eq!(pty.pty.unwrap().size, Some(PtySize { cols: 80, rows: 24 }));
    assert_eq!(pty.stdin, None);
    reads(
        r#"{"process":{"pid":7}}"#,
        &SelectRequest {
            process: ProcessSelector::Pid(7),
        },
    );
    reads(
        r#"{"process":{"tag":"a"},"other":[1]}"#,
        &SelectRequest {
            process: ProcessSelector::Tag("a".into()),
        },
    );
    reads(
        r#"{"process":{"pid":"7"},"input":{"stdin":"aGk="}}"#,
        &SendInputRequest {
            process: ProcessSelector::Pid(7),
            input: ProcessInput::Stdin(Bytes::from_static(b"hi")),
            codecourier: None,
        },
    );
}

#[test]
fn signals_arrive_as_names_or_numbers() {
    for (text, signal) in [
        (r#""SIGNAL_SIGKILL""#, Signal::Kill),
        ("9", Signal::Kill),
        (r#""SIGNAL_SIGTERM""#, Signal::Terminate),
        ("15", Signal::Terminate),
        ("2", Signal::Other(2)),
    ] {
        reads(
            &format!(r#"{{"process":{{"pid":1}},"signal":{text}}}"#),
            &SendSignalRequest {
                process: ProcessSelector::Pid(1),
                signal,
            },
        );
    }
    assert!(parse::<SendSignalRequest>(br#"{"process":{"pid":1},"signal":"SIGNAL_NO"}"#).is_err());
}

#[test]
fn events_are_written_as_the_clients_expect() {
    let text = |event| serde_json::to_string(&ProcessResponse { event }).unwrap();
    assert_eq!(text(ProcessEvent::Start { pid: 3 }), r#"{"event":{"start":{"pid":3}}}"#);
    assert_eq!(
        text(ProcessEvent::Data(ProcessOutput::Stderr(Bytes::from_static(b"\xff")))),
        r#"{"event":{"data":{"stderr":"/w=="}}}"#
    );
    assert_eq!(text(ProcessEvent::Keepalive), r#"{"event":{"keepalive":{}}}"#);
    assert_eq!(
        text(ProcessEvent::End(ProcessEnd::exited(0))),
        r#"{"event":{"end":{"exited":true,"status":"exit status 0"}}}"#
    );
    assert_eq!(
        text(ProcessEvent::End(ProcessEnd::exited(3))),
        r#"{"event":{"end":{"exitCode":3,"exited":true,"status":"exit status 3","error":"exit status 3"}}}"#
    );
    assert_eq!(
        text(ProcessEvent::End(ProcessEnd::signalled(9))),
        r#"{"event":{"end":{"exitCode":-1,"status":"signal: killed","error":"signal: killed"}}}"#
    );
}

#[test]
fn events_of_the_future_are_skipped_not_fatal() {
    reads(
        r#"{"event":{"teleport":{}}}"#,
        &ProcessResponse {
            event: ProcessEvent::Unrecognised,
        },
    );
    reads(
        r#"{"event":{"end":{"exit_code":"4","exited":true,"extra":1}}}"#,
        &ProcessResponse {
            event: ProcessEvent::End(ProcessEnd {
                exit_code: 4,
                exited: true,
                status: String::new(),
                error: None,
            }),
        },
    );
}

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
}

fn event() -> impl Strategy<Value = ProcessEvent> {
    prop_oneof![
        any::<u32>().prop_map(|pid| ProcessEvent::Start { pid }),
        bytes().prop_map(|bytes| ProcessEvent::Data(ProcessOutput::Stdout(bytes))),
        bytes().prop_map(|bytes| ProcessEvent::Data(ProcessOutput::Stderr(bytes))),
        bytes().prop_map(|bytes| ProcessEvent::Data(ProcessOutput::Pty(bytes))),
        any::<i32>().prop_map(|code| ProcessEvent::End(ProcessEnd::exited(code))),
        (1..64i32).prop_map(|signal| ProcessEvent::End(ProcessEnd::signalled(signal))),
        Just(ProcessEvent::Keepalive),
    ]
}

fn config() -> impl Strategy<Value = ProcessConfig> {
    let envs = proptest::collection::btree_map(".*", ".*", 0..4);
    (
        ".*",
        proptest::collection::vec(".*", 0..4),
        envs,
        proptest::option::of(".*"),
    )
        .prop_map(|(cmd, args, envs, cwd)| ProcessConfig { cmd, args, envs, cwd })
}

proptest! {
    #[test]
    fn events_round_trip(event in event()) {
        let response = ProcessResponse { event };
        let text = serde_json::to_vec(&response).unwrap();
        prop_assert_eq!(parse::<ProcessResponse>(&text).unwrap(), response);
    }

    #[test]
    fn requests_round_trip(
        process in config(),
        size in proptest::option::of((any::<u32>(), any::<u32>())),
        tag in proptest::option::of(".*"),
        stdin in proptest::option::of(any::<bool>()),
        input in bytes(),
    ) {
        let pty = size.map(|(cols, rows)| Pty { size: Some(PtySize { cols, rows }) });
        let extension = StartExtension { once: true, journal: true, input, journal_limit: Some(5), ..StartExtension::default() };
        let request = StartRequest { process, pty, tag, stdin, codecourier: Some(extension) };
        let text = serde_json::to_vec(&request).unwrap();
        prop_assert_eq!(parse::<StartRequest>(&text).unwrap(), request);
    }
}
