//! What is carried past the gateway: TLS for the host that the connection was asked for, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use codecourier_domain::event::EgressOutcome;
use codecourier_gateway::EgressConfig;
use codecourier_testkit::tls_front::TlsFront;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{AlertDescription, ClientConfig, ClientConnection, Error as TlsError, RootCertStore};

use crate::egress::{LISTED, WayOut, with_origin};
use crate::harness::PATIENCE;

const HOST: &str = "api.example.test";

fn trusting(authority: Option<&str>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(authority) = authority {
        roots
            .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
            .unwrap();
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(config.with_no_client_auth())
}

fn named(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).unwrap()
}

/// The first words of a real client of TLS. With an address in the place of a name it says none.
pub(crate) fn hello(host: &str) -> Vec<u8> {
    let mut client = ClientConnection::new(trusting(None), named(host)).unwrap();
    let mut words = Vec::new();
    client.write_tls(&mut words).unwrap();
    assert!(!client.wants_write());
    words
}

/// A server that says everything back.
async fn echoing() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_client_of_the_host_speaks_to_it_end_to_end() {
    let (listener, behind) = echoing().await;
    let front = TlsFront::start(HOST, behind).await.unwrap();
    let egress = EgressConfig {
        claude: vec![LISTED.parse().unwrap()],
        claude_address: Some(front.address()),
        ..EgressConfig::default()
    };
    let way = WayOut::new(egress, false).await;
    let (stream, status) = way.connect(LISTED).await;
    assert_eq!(status, 200);
    let exchange = async {
        let connector = TlsConnector::from(trusting(Some(front.authority())));
        let mut client = connector.connect(named(HOST), stream).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.flush().await.unwrap();
        let mut said = [0; 5];
        client.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"hello");
    };
    let echo = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    };
    tokio::select! {
        done = tokio::time::timeout(PATIENCE, exchange) => done.expect("it answers"),
        () = echo => panic!("the server left first"),
    }
    assert_eq!(way.kept(), [(HOST.to_owned(), 443, EgressOutcome::Allowed)]);
}

#[tokio::test]
async fn the_first_words_go_on_as_they_came_however_small_their_pieces() {
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let (mut client, _) = way.connect(LISTED).await;
    client.set_nodelay(true).unwrap();
    let (mut server, _) = origin.accept().await.unwrap();
    let words = hello(HOST);
    // What comes with them, in one packet, goes on too.
    let (last, first) = words.split_last().unwrap();
    for byte in first {
        client.write_all(&[*byte]).await.unwrap();
    }
    client.write_all(&[*last, b'm', b'o', b'r', b'e']).await.unwrap();
    let mut heard = vec![0; words.len() + 4];
    tokio::time::timeout(PATIENCE, server.read_exact(&mut heard))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(heard, [&words[..], b"more"].concat());
}

/// Lets a client say something on a connection that was opened for it, and gives what it hears.
async fn refused(egress: EgressConfig, origin: &TcpListener, words: &[u8]) -> Vec<u8> {
    let way = WayOut::new(egress, false).await;
    let (mut client, status) = way.connect(LISTED).await;
    assert_eq!(status, 200);
    let (mut server, _) = origin.accept().await.unwrap();
    client.write_all(words).await.unwrap();
    way.log.told(2).await;
    let outcomes: Vec<EgressOutcome> = way.kept().iter().map(|one| one.2).collect();
    assert_eq!(outcomes, [EgressOutcome::Allowed, EgressOutcome::NotForHost]);
    assert_eq!(silence_of(&mut server).await, b"", "nothing of it went on");
    silence_of(&mut client).await
}

/// What comes until the other end is closed.
async fn silence_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let read = stream.read_to_end(&mut heard);
    // Closed with words that nobody read, it is a reset.
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("it is closed");
    heard
}

#[tokio::test]
async fn what_is_not_for_the_host_reaches_nobody() {
    let (origin, egress) = with_origin().await;
    let mut endless = vec![22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3];
    endless.resize(17 * 1024, 0);
    let mut cut = hello(HOST);
    cut[5] = 2;
    for words in [
        hello("neighbour.example.test"),
        hello("example.test"),
        hello("192.0.2.1"),
        b"GET / HTTP/1.1\r\nHost: api.example.test\r\n\r\n".to_vec(),
        b"SSH-2.0-client\r\n".to_vec(),
        endless,
        cut,
    ] {
        refused(egress.clone(), &origin, &words).await;
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let (origin, mut egress) = with_origin().await;
    egress.limits.hello = Duration::from_millis(100);
    assert_eq!(refused(egress.clone(), &origin, b"").await, b"");
    let words = hello(HOST);
    assert_eq!(refused(egress, &origin, &words[..words.len() - 1]).await, b"");
}

#[tokio::test]
async fn a_client_of_another_host_learns_that_its_name_is_the_matter() {
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let (stream, _) = way.connect(LISTED).await;
    let connector = TlsConnector::from(trusting(None));
    let connecting = connector.connect(named("neighbour.example.test"), stream);
    let error = tokio::time::timeout(PATIENCE, connecting)
        .await
        .expect("it is answered")
        .unwrap_err();
    let cause = error.into_inner().unwrap().downcast::<TlsError>().unwrap();
    assert_eq!(*cause, TlsError::AlertReceived(AlertDescription::UnrecognisedName));
    drop(origin);
}

#[tokio::test]
async fn a_client_that_leaves_before_it_spoke_was_refused_nothing() {
    let (origin, egress) = with_origin().await;
    let way = WayOut::new(egress, false).await;
    let (client, _) = way.connect(LISTED).await;
    let (mut server, _) = origin.accept().await.unwrap();
    drop(client);
    assert_eq!(silence_of(&mut server).await, b"");
    assert_eq!(way.kept().len(), 1);
}
