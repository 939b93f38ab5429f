//! What each CLI wants of the network beside its model: nothing gets out of a sandbox, and here is what was tried.

use codecourier_domain::agent::AgentKind;
use codecourier_it::conformance::page::{background_requests, names_looked_up};
use codecourier_it::session::{Session, Way, Wishes};

use super::{is_completed, of_every_agent, told};

/// Answers no name, and keeps every name that was asked for.
const NAMES: &str = r#"python3 -u -c '
import socket
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.bind(("127.0.0.1", 53))
print("ready", flush=True)
kept = open("/tmp/names", "a")
while True:
    query, sender = asked.recvfrom(4096)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode(errors="replace"))
        at += 1 + query[at]
    kept.write(".".join(labels) + "\n"); kept.flush()
    asked.sendto(query[:2] + bytes([0x81, 0x83]) + query[4:6] + bytes(6) + query[12:], sender)
'"#;

/// Connections that were tried to where no way leads, by the kernel's own count.
const NO_ROUTE: &str = r#"awk '/^Ip:/ { if (!seen++) { split($0, names) } else { for (i in names) if (names[i] == "OutNoRoutes") print $i } }' /proc/net/snmp"#;

async fn listen(agent: AgentKind) {
    let wishes = Wishes {
        way: Way::Open,
        beside: Some(NAMES.to_owned()),
        ..Wishes::script(agent, "@@write a.txt <<< fine\n@@run echo ran\n@@say Done.")
    };
    let mut session = Session::begin(agent, wishes).await.unwrap();
    let events = session.turn().await.unwrap();
    assert!(is_completed(&events), "{}", told(&events));
    let events = session.ask("@@run echo again").await.unwrap();
    assert!(is_completed(&events), "{}", told(&events));
    let names = session.shell("sort -u /tmp/names").await.unwrap();
    let no_route = session.shell(NO_ROUTE).await.unwrap();

    // The watch itself works: what this asks for is seen.
    session
        .shell("python3 -c 'import socket; socket.gethostbyname(\"example.org\")'; true")
        .await
        .unwrap();
    session
        .shell("python3 -c 'import socket; socket.create_connection((\"192.0.2.1\", 80))'; true")
        .await
        .unwrap();
    assert!(session.shell("cat /tmp/names").await.unwrap().contains("example.org"));
    assert_ne!(session.shell(NO_ROUTE).await.unwrap(), no_route);

    let mut others: Vec<String> = session
        .model
        .requests()
        .iter()
        .filter(|request| request.json()["tools"].as_array().is_none_or(Vec::is_empty))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    others.sort();
    others.dedup();
    session.close().await.unwrap();
    assert_eq!(
        others,
        background_requests(agent),
        "what is asked of the gateway beside the model's answers"
    );
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names, names_looked_up(agent), "what is looked up");
    assert_eq!(no_route.trim(), "0", "what is tried by its address");
}

of_every_agent!(listen: what_claude_asks_for, what_codex_asks_for, what_opencode_asks_for, what_pi_asks_for);
