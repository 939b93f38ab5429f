//! The way out for a login that must not be proxied: what is reached through it, and what is not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codecourier_domain::event::EgressOutcome;
use codecourier_domain::id::StepId;
use codecourier_domain::money::MicroUsd;
use codecourier_gateway::{
    Connection, ConnectionLog, EgressConfig, EgressScope, Gateway, GatewayConfig, MemoryStepTokens, Mode, NotRecorded,
    SingleKey, StepToken, Unobserved,
};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::harness::{Books, PATIENCE, grant};
use crate::server_names::hello;

pub(crate) const LISTED: &str = "api.example.test:443";

/// Keeps what it is told, or refuses to.
#[derive(Default)]
pub(crate) struct Log {
    kept: Mutex<Vec<Connection>>,
    count: watch::Sender<usize>,
    is_broken: bool,
}

#[async_trait]
impl ConnectionLog for Log {
    async fn record(&self, _scope: &EgressScope, connection: Connection) -> Result<(), NotRecorded> {
        if self.is_broken {
            return Err(NotRecorded("the disk is full".into()));
        }
        self.kept.lock().push(connection);
        self.count.send_modify(|count| *count += 1);
        Ok(())
    }
}

impl Log {
    /// Waits until so many are kept. What never becomes a request is recorded after its answer.
    pub(crate) async fn told(&self, count: usize) {
        let mut counted = self.count.subscribe();
        let enough = counted.wait_for(|so_far| *so_far >= count);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .expect("it is recorded")
            .unwrap();
    }
}

/// A step's way out.
pub(crate) struct WayOut {
    gateway: Gateway,
    tokens: Arc<MemoryStepTokens>,
    pub(crate) token: StepToken,
    step: StepId,
    address: SocketAddr,
    pub(crate) log: Arc<Log>,
    _serving: JoinSet<()>,
    _end: DropGuard,
}

impl WayOut {
    pub(crate) async fn new(egress: EgressConfig, is_broken: bool) -> Self {
        let mut config = GatewayConfig::new().unwrap();
        config.egress = egress;
        let tokens = Arc::new(MemoryStepTokens::default());
        let step = StepId::from_uuid(Uuid::now_v7());
        let token = StepToken::from_random(&[7; 32]);
        tokens.grant(&token, grant(step, Mode::Live));
        let gateway = Gateway::new(
            config,
            Arc::new(SingleKey(None)),
            Arc::new(Books::new(MicroUsd(0))),
            Arc::clone(&tokens) as _,
            Arc::new(Unobserved),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let granted = grant(step, Mode::Live);
        let scope = EgressScope {
            project: granted.project,
            run: granted.run,
            step,
        };
        let log = Arc::new(Log {
            is_broken,
            ..Log::default()
        });
        let cancel = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn({
            let (gateway, log, cancel) = (gateway.clone(), Arc::clone(&log), cancel.clone());
            async move { gateway.serve_egress(scope, log, listener, cancel).await }
        });
        Self {
            gateway,
            tokens,
            token,
            step,
            address,
            log,
            _serving: serving,
            _end: cancel.drop_guard(),
        }
    }

    /// Sends a head and reads the head of the answer.
    async fn say(&self, head: &[u8]) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A head that is too long is answered before it was read.
        stream.write_all(head).await.ok();
        let answer = read_head(&mut stream).await;
        (stream, answer)
    }

    async fn connect_with(&self, to: &str, token: &str) -> (TcpStream, u16) {
        let credentials = STANDARD.encode(format!("step:{token}"));
        let head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nProxy-Authorization: Basic {credentials}\r\n\r\n");
        let (stream, answer) = self.say(head.as_bytes()).await;
        (stream, status(&answer))
    }

    pub(crate) async fn connect(&self, to: &str) -> (TcpStream, u16) {
        self.connect_with(to, self.token.expose()).await
    }

    pub(crate) fn kept(&self) -> Vec<(String, u16, EgressOutcome)> {
        let kept = self.log.kept.lock();
        kept.iter()
            .map(|one| (one.host.clone(), one.port, one.outcome))
            .collect()
    }
}

pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut byte))
            .await
            .expect("an answer");
        if !matches!(read, Ok(1)) {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn status(head: &str) -> u16 {
    head.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

/// A listed host that is at an origin of the test's own.
pub(crate) async fn with_origin() -> (TcpListener, EgressConfig) {
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let egress = EgressConfig {
        claude: vec![LISTED.parse().unwrap()],
        claude_address: Some(origin.local_addr().unwrap()),
        ..EgressConfig::default()
    };
    (origin, egress)
}

async fn echo(stream: &mut TcpStream, from: &mut TcpStream, text: &[u8]) {
    from.write_all(text).await.unwrap();
    let mut read = vec![0; text.len()];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut read))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read, text);
}

#[tokio::test]
async fn the_listed_host_is_reached_and_nothing_of_what_passes_is_touched() {
    let greeting = hello("api.example.test");
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let (mut client, status) = way.connect("API.example.TEST:443").await;
    assert_eq!(status, 200);
    let (mut server, _) = origin.accept().await.unwrap();
    echo(&mut server, &mut client, &greeting).await;
    echo(&mut server, &mut client, b"\x16\x03\x01 not HTTP at all \r\n\r\n").await;
    echo(&mut client, &mut server, b"\0\xff").await;
    assert_eq!(
        way.kept(),
        [("API.example.TEST".to_owned(), 443, EgressOutcome::Allowed)]
    );
    // The end of one side is the end of the other.
    drop(client);
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_else_is_reached_however_it_is_written() {
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let port = origin.local_addr().unwrap().port();
    let loopback = [
        format!("127.0.0.1:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f.1:{port}"),
        format!("0177.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[::ffff:7f00:1]:{port}"),
    ];
    let odd = [
        "169.254.169.254:80",
        "[fd00:ec2::254]:80",
        "api.example.test.:443",
        "xn--pi-6kc.example.test:443",
        "api.example.test",
        "api.example.test:0",
        "user:secret@api.example.test:443",
        "api.example.test:443@127.0.0.1:80",
    ];
    for to in loopback.iter().map(String::as_str).chain(odd) {
        let (_, status) = way.connect(to).await;
        // What is no authority at all never becomes a request.
        assert!(matches!(status, 400 | 403), "{to}: {status}");
    }
    let unlisted = [
        "example.com:443",
        "api.example.test:80",
        "api.example.test.evil.test:443",
        "metadata.google.internal:80",
        "localhost:443",
    ];
    for to in unlisted {
        let (mut stream, status) = way.connect(to).await;
        assert_eq!(status, 403, "{to}");
        let mut words = String::new();
        stream.read_to_string(&mut words).await.unwrap();
        assert_eq!(words, "This sandbox reaches api.example.test:443 and nothing else.\n");
    }
    way.log.told(loopback.len() + odd.len() + unlisted.len()).await;
    let kept = way.kept();
    assert_eq!(kept.len(), loopback.len() + odd.len() + unlisted.len(), "{kept:#?}");
    let (malformed, listed) = kept.split_at(loopback.len() + odd.len());
    assert!(
        malformed.iter().all(|one| one.2 == EgressOutcome::Malformed),
        "{malformed:#?}"
    );
    assert!(
        listed.iter().all(|one| one.2 == EgressOutcome::NotListed),
        "{listed:#?}"
    );
    assert!(!format!("{kept:?}").contains("secret"), "{kept:#?}");
    assert!(
        tokio::time::timeout(Duration::from_millis(50), origin.accept())
            .await
            .is_err(),
        "nobody came"
    );
}

#[tokio::test]
async fn a_listed_name_of_an_address_inside_is_refused() {
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("localhost:{}", origin.local_addr().unwrap().port());
    let egress = EgressConfig {
        claude: vec![to.parse().unwrap()],
        ..EgressConfig::default()
    };
    let way = WayOut::new(egress, false).await;
    let (_, status) = way.connect(&to).await;
    assert_eq!(status, 403);
    assert_eq!(way.kept()[0].2, EgressOutcome::PrivateAddress);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), origin.accept())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn only_the_steps_own_token_opens_it_and_it_closes_with_the_token() {
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let anothers = StepToken::from_random(&[9; 32]);
    way.tokens
        .grant(&anothers, grant(StepId::from_uuid(Uuid::from_u128(99)), Mode::Live));
    for token in ["", "cc_step_wrong", anothers.expose()] {
        assert_eq!(way.connect_with(LISTED, token).await.1, 407, "{token}");
        // Nor does anybody without a token learn what there is.
        assert_eq!(way.connect_with("example.com:443", token).await.1, 407, "{token}");
    }
    let bearer = format!(
        "CONNECT {LISTED} HTTP/1.1\r\nHost: {LISTED}\r\nProxy-Authorization: Bearer {}\r\n\r\n",
        way.token.expose()
    );
    let bare = format!("CONNECT {LISTED} HTTP/1.1\r\nHost: {LISTED}\r\n\r\n");
    for head in [bearer, bare] {
        let answer = way.say(head.as_bytes()).await.1;
        assert_eq!(status(&answer), 407, "{answer}");
        assert!(answer.contains("proxy-authenticate: Basic"), "{answer}");
    }
    assert!(
        way.kept().iter().all(|one| one.2 == EgressOutcome::WrongToken),
        "{:#?}",
        way.kept()
    );

    let (mut client, status) = way.connect(LISTED).await;
    assert_eq!(status, 200);
    let (mut server, _) = origin.accept().await.unwrap();
    way.tokens.revoke(&way.token);
    way.gateway.close_step(&way.step).await;
    assert_eq!(
        client.read(&mut [0]).await.unwrap_or(0),
        0,
        "the sandbox's side is closed"
    );
    assert_eq!(server.read(&mut [0]).await.unwrap_or(0), 0, "and so is the host's");
    assert_eq!(way.connect(LISTED).await.1, 407);
}

#[tokio::test]
async fn what_is_no_plain_request_for_a_connection_is_refused() {
    let (_origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let credentials = format!(
        "Proxy-Authorization: Basic {}",
        STANDARD.encode(format!("x:{}", way.token.expose()))
    );
    let get = format!("GET http://api.example.test/ HTTP/1.1\r\nHost: api.example.test\r\n{credentials}\r\n\r\n");
    assert_eq!(status(&way.say(get.as_bytes()).await.1), 405);
    for body in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let smuggler = format!("CONNECT {LISTED} HTTP/1.1\r\nHost: {LISTED}\r\n{credentials}\r\n{body}\r\n\r\n");
        assert_eq!(status(&way.say(smuggler.as_bytes()).await.1), 403, "{body}");
    }
    let beyond_ascii = format!("CONNECT \u{430}pi.example.test:443 HTTP/1.1\r\n{credentials}\r\n\r\n");
    assert_eq!(status(&way.say(beyond_ascii.as_bytes()).await.1), 400);
    let long = format!("CONNECT {LISTED} HTTP/1.1\r\nX-Long: {}\r\n", "a".repeat(20_000));
    assert_eq!(status(&way.say(long.as_bytes()).await.1), 431);
    way.log.told(5).await;
    let outcomes: Vec<EgressOutcome> = way.kept().iter().map(|one| one.2).collect();
    assert_eq!(outcomes[0], EgressOutcome::NotATunnel);
    assert_eq!(outcomes[1..], [EgressOutcome::Malformed; 4]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_opened() {
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, true).await;
    let (_, status) = way.connect(LISTED).await;
    assert_eq!(status, 503);
    // The connection that was made on the way is closed without a byte.
    let (mut server, _) = origin.accept().await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_a_place() {
    let (origin, mut egress) = with_origin().await;
    egress.limits.connections = 2;
    let way = WayOut::new(egress, false).await;
    let (first, second) = (way.connect(LISTED).await, way.connect(LISTED).await);
    assert_eq!((first.1, second.1), (200, 200));
    let (held, _also_held) = (origin.accept().await.unwrap(), origin.accept().await.unwrap());
    let third = way.connect(LISTED);
    tokio::pin!(third);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), &mut third)
            .await
            .is_err()
    );
    assert_eq!(way.kept().len(), 2, "nobody has read it");
    drop((first, held));
    assert_eq!(tokio::time::timeout(PATIENCE, third).await.unwrap().1, 200);
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_told_and_recorded() {
    let (origin, egress) = with_origin().await;
    drop(origin);
    let way = WayOut::new(egress, false).await;
    assert_eq!(way.connect(LISTED).await.1, 502);
    assert_eq!(
        way.kept(),
        [("api.example.test".to_owned(), 443, EgressOutcome::Unreachable)]
    );
}
