//! The way out by the operator's own proxy: what is asked of it, and what is not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::event::EgressOutcome;
use codecourier_gateway::EgressConfig;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::egress::{LISTED, WayOut, read_head};
use crate::harness::PATIENCE;
use crate::server_names::hello;

/// A proxy of HTTP that leads everybody to the same place.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Proxy {
    async fn start(answer: &'static str, origin: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&heads);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let head = read_head(&mut client).await;
                told.lock().push(head);
                client.write_all(answer.as_bytes()).await.unwrap();
                if answer.is_empty() || answer.starts_with("HTTP/1.1 200") {
                    let mut server = TcpStream::connect(origin).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            }
        });
        Self {
            address,
            heads,
            _serving: serving,
        }
    }

    fn way(&self) -> EgressConfig {
        let proxy = format!("http://me:a%20secret@{}", self.address);
        let listed: codecourier_gateway::Destination = LISTED.parse().unwrap();
        let mut egress = EgressConfig {
            claude: vec![listed.clone()],
            proxies: [(listed, proxy.parse().unwrap())].into(),
            ..EgressConfig::default()
        };
        egress.limits.connect = Duration::from_millis(500);
        egress
    }
}

#[tokio::test]
async fn a_listed_host_is_reached_by_the_proxy_which_is_asked_for_nothing_else() {
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(
        "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n",
        origin.local_addr().unwrap(),
    )
    .await;
    let way = WayOut::new(proxy.way(), false).await;
    for other in ["example.com:443", "api.example.test:80", "127.0.0.1:443"] {
        assert_eq!(way.connect(other).await.1, 403, "{other}");
    }
    assert!(proxy.heads.lock().is_empty(), "the proxy was asked");

    // Nobody but the proxy knows where this host is.
    let (mut client, status) = way.connect("API.example.test:443").await;
    assert_eq!(status, 200);
    let (mut server, _) = origin.accept().await.unwrap();
    let words = hello("api.example.test");
    client.write_all(&words).await.unwrap();
    let mut heard = vec![0; words.len()];
    tokio::time::timeout(PATIENCE, server.read_exact(&mut heard))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(heard, words);
    server.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    tokio::time::timeout(PATIENCE, client.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"answer");
    let heads = proxy.heads.lock().clone();
    assert_eq!(heads.len(), 1);
    let head = heads[0].to_lowercase();
    assert!(head.starts_with("connect api.example.test:443 http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: api.example.test:443\r\n"), "{head}");
    // `me:a secret`
    assert!(heads[0].contains("Basic bWU6YSBzZWNyZXQ="), "{head}");
    assert!(!heads[0].contains(way.token.expose()) && head.matches("authorization").count() == 1);
    // What is said on it is looked at all the same.
    drop((client, server));
    let (mut client, _) = way.connect(LISTED).await;
    let (mut server, _) = origin.accept().await.unwrap();
    client.write_all(&hello("neighbour.example.test")).await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_proxy_that_refuses_or_does_not_answer_is_told_and_recorded() {
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!";
    for answer in [refusing, "220 mail.example.test ESMTP\r\n", ""] {
        let proxy = Proxy::start(answer, origin.local_addr().unwrap()).await;
        let way = WayOut::new(proxy.way(), false).await;
        assert_eq!(way.connect(LISTED).await.1, 502, "{answer}");
        assert_eq!(
            way.kept(),
            [("api.example.test".to_owned(), 443, EgressOutcome::Unreachable)]
        );
    }
    let gone = Proxy {
        address: TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap(),
        heads: Arc::default(),
        _serving: JoinSet::new(),
    };
    assert_eq!(WayOut::new(gone.way(), false).await.connect(LISTED).await.1, 502);
}
