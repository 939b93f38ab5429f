//! The network, and what another sandbox has.

use std::net::TcpListener;
use std::time::Duration;

use codecourier_sandbox::FileOwner::{Root, User};

use crate::common::{Bench, say, words};
use crate::probe::{probe, try_all};

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network_but_the_gateway() {
    let bench = Bench::new().await;
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let sandbox = bench.create(1).await;
    let dial = |address: &str, port: u16| {
        format!(
            "python3 -c \"\nimport socket\ns = socket.socket(socket.AF_INET6 if ':' in '{address}' else socket.AF_INET)\ns.settimeout(5)\ns.connect(('{address}', {port}))\nprint('CONNECTED')\""
        )
    };
    let unreachable: &[&str] = &["unreachable"];
    let mut probes = vec![
        probe(
            "34 the metadata address",
            User,
            dial("169.254.169.254", 80),
            unreachable,
        ),
        probe(
            "35 a service on the host's loopback",
            User,
            dial("127.0.0.1", port),
            &["refused"],
        ),
        probe("36 another machine", User, dial("192.0.2.2", 22), unreachable),
        probe("36 the internet", User, dial("1.1.1.1", 443), unreachable),
        probe("40 IPv6", User, dial("2606:4700::1111", 443), unreachable),
        probe("40 names", User, "getent hosts example.com; echo code=$?", &["code=2"]),
        probe(
            "39 make a device",
            Root,
            "python3 -c \"\nimport socket\ns = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\ns.send(bytes.fromhex('20000000100005060100000000000000000000000000000000000000ffffffff'))\nimport struct\nprint('error', struct.unpack('i', s.recv(100)[16:20])[0])\"",
            &["error -1"],
        ),
        probe(
            "39 devices",
            User,
            "cat /proc/net/dev | tail -n +3 | cut -d: -f1",
            &["lo"],
        )
        .never(&["eth", "docker"]),
        probe("39 routes", User, "tail -n +2 /proc/net/route | wc -l", &["0\n"]),
    ];
    for probe in &mut probes {
        if probe.never.is_empty() {
            probe.never = &["CONNECTED"];
        }
    }
    try_all(&*sandbox, probes).await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sandbox_cannot_reach_anothers_files_sockets_or_gateway() {
    let bench = Bench::new().await;
    let (victim, attacker) = (bench.create(1).await, bench.create(2).await);
    say(
        &*victim,
        "echo VICTIM > /home/user/secret; (python3 -m http.server 8080 >/dev/null 2>&1 &); true",
    )
    .await;
    let listener = victim.gateway_listener().await.unwrap();
    try_all(
        &*attacker,
        vec![
            probe(
                "60 another's files",
                Root,
                "grep -r VICTIM /home /tmp /run 2>/dev/null; echo searched",
                &["searched"],
            )
            .never(&["VICTIM"]),
            probe(
                "60 another's server",
                Root,
                "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8080))\"",
                &["refused"],
            ),
            probe("60 shared memory", Root, "ls -A /dev/shm | wc -l", &["0\n"]),
        ],
    )
    .await;
    // A connection to the attacker's own gateway port must not come out at the victim's listener.
    words(
        &*attacker,
        User,
        "timeout 1 python3 -c \"import socket; socket.create_connection(('127.0.0.1', 4180))\"",
    )
    .await;
    assert!(
        tokio::time::timeout(Duration::from_millis(200), listener.accept())
            .await
            .is_err()
    );
    bench.end().await;
}
