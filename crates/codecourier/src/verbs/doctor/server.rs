//! What a server needs besides: its key, its database, its address, its certificate, the clock, mail and providers.
//!
//! Invariant: nothing is made and nothing is sent; others are asked only on request.

use std::path::Path;

use codecourier_domain::time::{Clock as _, Timestamp};
use codecourier_engine::clock::SystemClock;
use codecourier_engine::error::chain;
use codecourier_engine::vault::MasterKeySource;
use codecourier_identity::attempt::Attempt;
use codecourier_store::{StoreConfig, copy};

use super::{Asking, Finding};
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::problem::Problem;
use crate::serve::Certificate;
use crate::terminal::time;

const SERVER: &str = "server";
const DAY: i64 = 86_400_000;
/// A certificate is renewed long before this.
const SOON: i64 = 14 * DAY;
/// The oldest PostgreSQL that the store is tested with.
const OLDEST_POSTGRES: u32 = 15;

/// Looks at what the configuration says of a server.
pub(super) async fn look(config: &Config, asking: Asking) -> Vec<Finding> {
    let mut findings = vec![
        master_key(config).await,
        database(config).await,
        address(config),
        listen(config).await,
    ];
    findings.extend(certificate(config));
    findings.push(clock(config));
    findings.push(mail(config, asking).await);
    findings.extend(providers(config, asking).await);
    findings
}

async fn master_key(config: &Config) -> Finding {
    let name = "master key";
    let directory = DataDirectory::at(&config.data_directory);
    let source = match config.master_keys(&directory) {
        Ok(source) => source,
        Err(problem) => return refused(name, problem),
    };
    if let MasterKeySource::File(path) = &source
        && !path.exists()
    {
        if config.has_records() {
            return Finding::degraded(SERVER, name, format!("{} is not there", path.display())).with_remedy(
                "If secrets were kept here, put the key back before the server starts: it makes another one, which opens none of \
                 them.",
            );
        }
        return Finding::note(SERVER, name, format!("made at the first start, in {}", path.display()));
    }
    match source.load().await {
        Ok(_) => Finding::works(
            SERVER,
            name,
            match &source {
                MasterKeySource::File(path) => format!("in {}; keep a copy elsewhere", path.display()),
                MasterKeySource::Text { origin, .. } => format!("from {origin}"),
                MasterKeySource::Command(_) => "from a command".to_owned(),
            },
        ),
        Err(error) => Finding::missing(SERVER, name, chain(&error))
            .with_remedy("It must be the server's user's own file, chmod 600, with a key a line."),
    }
}

async fn database(config: &Config) -> Finding {
    let name = "database";
    let store = match config.store() {
        Ok(store) => store,
        Err(problem) => return refused(name, problem),
    };
    if !config.has_records() {
        return Finding::note(SERVER, name, "made at the first start, in the data directory");
    }
    let state = match copy::look_at_database(&store).await {
        Ok(state) => state,
        Err(error) => {
            let remedy = match store {
                StoreConfig::Sqlite { .. } => {
                    "Run this as the server's user. docs/operating.md says how to restore a backup."
                }
                StoreConfig::Postgres { .. } => {
                    "Look at `database.url`, and whether its server runs and lets this one in."
                }
            };
            return Finding::missing(SERVER, name, chain(&error)).with_remedy(remedy);
        }
    };
    let found = match state.schema {
        None => format!("{}, with nothing in it yet", state.server),
        Some(schema) if schema < state.newest => {
            format!(
                "{}, schema version {schema}: the next start makes it {}",
                state.server, state.newest
            )
        }
        Some(schema) => format!("{}, schema version {schema}", state.server),
    };
    let postgres = state.server.strip_prefix("PostgreSQL ");
    let major = postgres.and_then(|version| version.split(['.', ' ']).next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST_POSTGRES) {
        return Finding::missing(SERVER, name, found)
            .with_remedy(format!("Use PostgreSQL {OLDEST_POSTGRES} or newer."));
    }
    Finding::works(SERVER, name, found)
}

/// Whether people's addresses, the proxy and the certificate fit together.
fn address(config: &Config) -> Finding {
    let name = "public address";
    let settings = &config.settings;
    let (has_certificate, has_proxy) = (
        settings.tls_certificate.is_some(),
        !settings.trusted_proxies.0.is_empty(),
    );
    let listen = settings.listen.as_str();
    let Some(url) = settings.public_url.as_ref().map(|url| url.as_str()) else {
        if has_certificate {
            return Finding::missing(
                SERVER,
                name,
                "there is a certificate, and nothing says which address people open",
            )
            .with_remedy("Set `server.public_url` to the https:// address in people's browsers.");
        }
        if is_of_this_machine(listen) {
            return Finding::works(SERVER, name, format!("http://{listen}, for this machine only"));
        }
        return Finding::degraded(
            SERVER,
            name,
            format!("http://{listen}: passwords go over the network unprotected"),
        )
        .with_remedy(
            "Set a certificate, or listen on 127.0.0.1 behind a reverse proxy; then set `server.public_url`.",
        );
    };
    match (url.starts_with("https://"), has_certificate, has_proxy) {
        (true, true, _) | (true, false, true) => Finding::works(SERVER, name, url),
        (true, false, false) => Finding::degraded(
            SERVER,
            name,
            format!("{url}, but there is no certificate and no trusted proxy"),
        )
        .with_remedy(
            "Name the reverse proxy in `server.trusted_proxies`: without that, all clients share its address and its \
                     rate limit.",
        ),
        (false, true, _) => Finding::missing(SERVER, name, format!("{url}, though there is a certificate"))
            .with_remedy("Begin `server.public_url` with https://."),
        (false, false, _) if is_of_this_machine(url.trim_start_matches("http://")) => Finding::works(SERVER, name, url),
        (false, false, _) => Finding::degraded(
            SERVER,
            name,
            format!("{url}: passwords go over the network unprotected"),
        )
        .with_remedy("Use https://, with a certificate or behind a reverse proxy."),
    }
}

fn is_of_this_machine(address: &str) -> bool {
    let host = address.split('/').next().unwrap_or_default();
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|start| host.starts_with(start))
}

async fn listen(config: &Config) -> Finding {
    use std::io::ErrorKind;
    let name = "listening";
    let address = config.settings.listen.as_str();
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Finding::works(SERVER, name, format!("{address} is free")),
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => Finding::note(
                SERVER,
                name,
                format!("something listens on {address}: this server, if it runs"),
            ),
            ErrorKind::PermissionDenied => Finding::missing(SERVER, name, format!("{address}: {error}")).with_remedy(
                "Name a port from 1024 on and put a reverse proxy before it, or give the service \
                 AmbientCapabilities=CAP_NET_BIND_SERVICE.",
            ),
            _ => Finding::missing(SERVER, name, format!("{address}: {error}"))
                .with_remedy("`server.listen` names an address of this machine; 0.0.0.0 is all of them."),
        },
    }
}

fn certificate(config: &Config) -> Option<Finding> {
    let name = "certificate";
    match crate::serve::certificate_fits(config) {
        Err(problem) => return Some(refused(name, problem)),
        Ok(false) => return None,
        Ok(true) => {}
    }
    let Some(Certificate { from, until }) = Certificate::of(config) else {
        return Some(Finding::note(SERVER, name, "until when it is good cannot be read"));
    };
    Some(standing_of(from, until, SystemClock.now()))
}

fn standing_of(from: Timestamp, until: Timestamp, now: Timestamp) -> Finding {
    let name = "certificate";
    let renew = "Renew it, then send the server SIGHUP (systemctl reload codecourier).";
    if now < from {
        return Finding::missing(SERVER, name, format!("good from {} on", time::local(from)))
            .with_remedy("Set the clock, or wait.");
    }
    if now >= until {
        return Finding::missing(SERVER, name, format!("ended at {}", time::local(until))).with_remedy(renew);
    }
    let found = format!("good until {}", time::local(until));
    if until.since(now) < SOON {
        return Finding::degraded(SERVER, name, found).with_remedy(renew);
    }
    Finding::works(SERVER, name, found)
}

/// Sessions, tokens and signatures are good for a time; a clock that is wrong refuses good ones and takes old ones.
fn clock(config: &Config) -> Finding {
    let name = "clock";
    let now = SystemClock.now();
    let newest = [
        config.data_directory.as_path(),
        Path::new("/etc"),
        Path::new("/var/log"),
    ]
    .iter()
    .filter_map(|path| path.metadata().ok()?.modified().ok())
    .filter_map(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
    .filter_map(|age| i64::try_from(age.as_millis()).ok())
    .max();
    if newest.is_some_and(|newest| newest > now.milliseconds() + DAY) {
        return Finding::degraded(
            SERVER,
            name,
            format!("{}, though files here are from a later time", time::local(now)),
        )
        .with_remedy("Set the clock, and keep it right: timedatectl set-ntp true");
    }
    Finding::works(SERVER, name, time::local(now))
}

async fn mail(config: &Config, asking: Asking) -> Finding {
    let name = "mail";
    let settings = &config.settings;
    let mailer = match config.mailer() {
        Ok(mailer) => mailer,
        Err(problem) => return refused(name, problem),
    };
    let Some(host) = settings.smtp_host.as_ref().filter(|_| mailer.is_configured()) else {
        return Finding::note(
            SERVER,
            name,
            "none: no resets, no links to sign in, no proof of addresses",
        );
    };
    let server = format!("{host}:{}", settings.smtp_port.get());
    match asking {
        Asking::Nobody => Finding::note(SERVER, name, format!("by {server}; --online asks whether it answers")),
        Asking::Others => match mailer.reach().await {
            Ok(()) => Finding::works(SERVER, name, format!("{server} answers")),
            Err(error) => Finding::missing(SERVER, name, format!("{server}: {}", chain(&error)))
                .with_remedy("Look at the settings of `smtp`; the mail server's own log says more."),
        },
    }
}

async fn providers(config: &Config, asking: Asking) -> Vec<Finding> {
    let external = match config.external() {
        Ok(external) => external,
        Err(problem) => return vec![refused("sign-in", problem)],
    };
    let mut findings = Vec::new();
    for provider in &external.providers {
        let name = format!("sign-in {}", provider.id);
        findings.push(match asking {
            Asking::Nobody => Finding::note(
                SERVER,
                name,
                format!("{}; --online asks whether it answers", provider.name),
            ),
            Asking::Others => {
                let attempt = Attempt::begin();
                let asked = provider
                    .provider
                    .authorization(&attempt, "https://invalid.invalid/", SystemClock.now());
                match asked.await {
                    Ok(_) => Finding::works(SERVER, name, format!("{} answers", provider.name)),
                    Err(error) => Finding::missing(SERVER, name, chain(&error))
                        .with_remedy("Its issuer must be written exactly as its discovery document says it."),
                }
            }
        });
    }
    if external.trusted_issuer.is_some() {
        let issuer = config.settings.identity_issuer.as_deref().unwrap_or_default();
        findings.push(Finding::note(
            SERVER,
            "tokens",
            format!("those of {issuer} are believed"),
        ));
    }
    findings
}

fn refused(name: &str, problem: Problem) -> Finding {
    let finding = Finding::missing(SERVER, name, problem.message);
    finding.with_remedy(
        problem
            .remedy
            .unwrap_or_else(|| "`codecourier config explain` shows what counts.".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Standing;
    use super::*;

    #[test]
    fn a_certificate_is_told_of_before_it_ends() {
        let standing = |now| standing_of(Timestamp(10 * DAY), Timestamp(100 * DAY), Timestamp(now)).state;
        for (now, expected) in [
            (9 * DAY, Standing::Missing),
            (10 * DAY, Standing::Works),
            (86 * DAY, Standing::Works),
            (86 * DAY + 1, Standing::Degraded),
            (100 * DAY, Standing::Missing),
        ] {
            assert_eq!(standing(now), expected, "{}", now / DAY);
        }
    }

    #[test]
    fn this_machines_own_addresses_are_known() {
        for address in ["127.0.0.1:8717", "localhost", "[::1]:80", "127.0.0.1:80/x"] {
            assert!(is_of_this_machine(address), "{address}");
        }
        for address in ["0.0.0.0:80", "[::]:80", "courier.example.org", "x/127.0.0.1"] {
            assert!(!is_of_this_machine(address), "{address}");
        }
    }
}
