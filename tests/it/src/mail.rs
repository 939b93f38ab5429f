//! A mail server that keeps what it gets, so that a test can follow the links in it.
//!
//! It speaks as much SMTP as a client without TLS needs, with a user and a password that it takes whatever they are.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a mail may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server. It ends when it is dropped.
pub struct MailServer {
    /// Its port on the loopback.
    pub port: u16,
    mails: watch::Receiver<Vec<String>>,
    _serving: JoinSet<()>,
}

/// What the first client hears when it says who it is, or whose mail it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtFirst {
    /// That it is welcome.
    Accepts,
    /// That it is not, with what it said.
    Refuses,
}

impl MailServer {
    /// Starts one.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(mut at_first: AtFirst) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, mails) = watch::channel(Vec::new());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away in the middle has sent no mail.
                let _ = converse(stream, &mut at_first, &sender).await;
            }
        });
        Self {
            port,
            mails,
            _serving: serving,
        }
    }

    /// How many mails came.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mails.borrow().len()
    }

    /// Waits for a mail to this address that comes after so many mails, and gives the token in its link.
    ///
    /// # Panics
    /// When none comes.
    pub async fn token_to(&self, address: &str, after: usize) -> String {
        let mut mails = self.mails.clone();
        let find = |mails: &Vec<String>| {
            let mut mails = mails.iter().skip(after).filter(|mail| mail.contains(address));
            mails.find_map(|mail| {
                let (_, rest) = mail.split_once("#token=")?;
                rest.split_whitespace().next().map(str::to_owned)
            })
        };
        let found = mails.wait_for(|mails| find(mails).is_some());
        let found = tokio::time::timeout(PATIENCE, found).await.expect("a mail in time");
        find(&found.expect("the mail server lives")).unwrap_or_default()
    }
}

async fn converse(
    stream: TcpStream,
    at_first: &mut AtFirst,
    mails: &watch::Sender<Vec<String>>,
) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 ready\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let answer = match word.as_str() {
            "EHLO" => "250-here\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
            "AUTH" | "MAIL" => match std::mem::replace(at_first, AtFirst::Accepts) {
                AtFirst::Refuses => format!("535 no: {line}\r\n"),
                AtFirst::Accepts => "235 yes\r\n".to_owned(),
            },
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    // Quoted-printable: a line that ends with `=` goes on in the next one.
                    match line.strip_suffix('=') {
                        Some(soft) => text.push_str(soft),
                        None => {
                            text.push_str(&line);
                            text.push('\n');
                        }
                    }
                }
                mails.send_modify(|mails| mails.push(text.replace("=3D", "=")));
                "250 kept\r\n".to_owned()
            }
            "QUIT" => {
                writing.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n".to_owned(),
        };
        writing.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
