//! `/kill-all`, and that the daemon outlives what its processes do.

use bytes::Bytes;
use codecourier_e2b::process::ProcessEnd;
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

async fn kill_all(client: &Client) -> Value {
    let answer = client.send(Method::POST, "/kill-all", Full::new(Bytes::new())).await;
    let (status, _, body) = answer.whole().await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn everything_that_tries_to_escape_dies() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let witness = daemon.scratch().join("pids");
    let fifo = daemon.scratch().join("ready");
    // In the group; in another session; without a hang-up; forked twice away; stopped; deaf to TERM; with a new name and
    // no environment; a chain of forks.
    let zoo = format!(
        r#"mkfifo {fifo}
        note() {{ echo $1 >> {witness}; }}
        sleep 2001 & note $!
        setsid sleep 2002 & note $!
        nohup sleep 2003 >/dev/null 2>&1 & note $!
        (setsid sh -c 'sleep 2004 & echo $! >> {witness}' &)
        sleep 2005 & note $!; kill -STOP $!
        sh -c 'trap "" TERM HUP INT; sleep 2006' & note $!
        (setsid env -i /bin/sleep 2007 & echo $! >> {witness})
        sh -c 'sh -c "sh -c \"sleep 2008\" & echo \$! >> {witness}; wait" & wait' &
        while [ $(wc -l < {witness}) -lt 8 ]; do :; done
        echo ready > {fifo}
        wait"#,
        witness = witness.display(),
        fifo = fifo.display(),
    );
    client.journaled("zoo", &zoo).await;
    let mut events = client.shell("exec sleep 2009", json!({})).await;
    events.started().await;
    let ready = fifo.clone();
    while !ready.exists() {
        client.get("/health").await;
    }
    tokio::task::spawn_blocking(move || std::fs::read_to_string(ready).unwrap())
        .await
        .unwrap();
    let pids: Vec<u32> = std::fs::read_to_string(&witness)
        .unwrap()
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert_eq!(pids.len(), 8);

    let answer = kill_all(&client).await;
    assert_eq!(answer["remaining"], 0);
    assert!(answer["killed"].as_u64().unwrap() >= 10, "{answer}");
    for pid in pids {
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "{pid} is alive"
        );
    }
    assert!(daemon.children().is_empty());
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::signalled(9)));
    assert_eq!(client.exit("zoo").await["signal"], 9);
    assert_eq!(kill_all(&client).await, json!({"killed": 0, "remaining": 0}));
    // And it goes on serving.
    assert_eq!(
        client.shell("exit 5", json!({})).await.outcome().await.end,
        Some(ProcessEnd::exited(5))
    );
}

#[tokio::test]
async fn a_storm_of_forks_does_not_survive() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    // Every process starts two more, some hundreds at a time: far more than one pass over them finds. They are nice,
    // since in a real sandbox a control group keeps the storm from taking the processor away from its killer; where the
    // kernel does not group processes by session, nothing would here.
    let bomb = "ulimit -u 500 2>/dev/null; echo started; b() { b 2>/dev/null & b 2>/dev/null & wait; }; b";
    let bomb = format!("exec nice -n 19 sh -c '{bomb}'");
    let bomb = bomb.as_str();
    let mut events = client.shell(bomb, json!({"codecourier": {"user": "nobody"}})).await;
    events.until("started").await;
    assert_eq!(client.get("/health").await.0, StatusCode::NO_CONTENT);
    // Here, where it is not pid 1, it has to catch up with them by and by.
    let mut remaining = u64::MAX;
    for _ in 0..5 {
        remaining = kill_all(&client).await["remaining"].as_u64().unwrap();
        if remaining == 0 {
            break;
        }
    }
    assert_eq!(remaining, 0);
    assert_eq!(
        client.shell("exit 0", json!({})).await.outcome().await.end,
        Some(ProcessEnd::exited(0))
    );
}

#[tokio::test]
async fn a_flood_of_clients_leaves_room_for_emergencies() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let mut events = client.shell("exec sleep 3001", json!({})).await;
    events.started().await;
    // Each asks for something that never answers.
    client.journaled("t", "exec sleep 3002").await;
    let mut flood = Vec::new();
    for _ in 0..600 {
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(daemon.socket()) else {
            break;
        };
        std::io::Write::write_all(&mut stream, b"GET /processes/exit?tag=t HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        flood.push(stream);
    }
    // Most got a place, some an error, some wait in the backlog. Room comes when those with an error are gone.
    let answer = kill_all(&client).await;
    assert_eq!(answer["remaining"], 0);
    drop(flood);
    assert_eq!(events.outcome().await.end, Some(ProcessEnd::signalled(9)));
}
