//! Every figure of `/metrics`: its name, what it counts, and the labels it may have.
//!
//! Invariants: whatever part of the program counts something is listed here, and so is described to Prometheus; the same
//! names are in `docs/operating.md`, which a test compares; a label's values are the program's own words.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram};

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often something took how long.
    Histogram,
}

/// One figure.
struct Figure {
    name: &'static str,
    kind: Kind,
    says: &'static str,
    labels: &'static [&'static str],
}

const fn figure(kind: Kind, name: &'static str, labels: &'static [&'static str], says: &'static str) -> Figure {
    Figure {
        name,
        kind,
        says,
        labels,
    }
}

use Kind::{Counter, Gauge, Histogram};

const FIGURES: &[Figure] = &[
    figure(
        Gauge,
        "codecourier_build_info",
        &["version"],
        "The version of this server",
    ),
    figure(
        Counter,
        "codecourier_http_requests_total",
        &["method", "route", "status"],
        "Requests, by method, route and status",
    ),
    figure(
        Histogram,
        "codecourier_http_request_seconds",
        &["method", "route"],
        "How long requests took until their answer began",
    ),
    figure(
        Gauge,
        "codecourier_http_requests_in_flight",
        &[],
        "Requests whose answer has not begun",
    ),
    figure(
        Gauge,
        "codecourier_runs",
        &["status"],
        "Runs that have not ended, by status",
    ),
    figure(
        Gauge,
        "codecourier_tasks",
        &["status"],
        "Tasks that have not ended, by status",
    ),
    figure(Gauge, "codecourier_sandboxes", &[], "Sandboxes that belong to a step"),
    figure(
        Counter,
        "codecourier_gateway_requests_total",
        &["traffic", "status"],
        "Requests of agents to models, settled",
    ),
    figure(
        Counter,
        "codecourier_gateway_tokens_total",
        &["traffic", "kind"],
        "Tokens of those requests",
    ),
    figure(
        Counter,
        "codecourier_egress_connections_total",
        &["outcome"],
        "Connections past the gateway that sandboxes asked for",
    ),
    figure(
        Counter,
        "codecourier_mails_total",
        &["kind", "outcome"],
        "Mails, by kind and by what became of the attempt",
    ),
    figure(Gauge, "codecourier_mails_waiting", &[], "Mails that wait to be sent"),
    figure(
        Histogram,
        "codecourier_store_commit_seconds",
        &[],
        "How long commits of the store took",
    ),
    figure(
        Histogram,
        "codecourier_store_commit_commands",
        &[],
        "Write commands kept by one commit of the store",
    ),
    figure(
        Gauge,
        "codecourier_store_connections",
        &["state"],
        "Connections to the database for reading",
    ),
    figure(
        Gauge,
        "codecourier_live_clients",
        &[],
        "Clients that follow what happens",
    ),
    figure(
        Gauge,
        "codecourier_live_subscriptions",
        &[],
        "Things they follow, all together",
    ),
    figure(
        Gauge,
        "codecourier_live_topics",
        &[],
        "Things that are followed, each counted once",
    ),
    figure(
        Counter,
        "codecourier_live_messages_total",
        &["kind"],
        "Messages told to clients",
    ),
    figure(
        Counter,
        "codecourier_live_log_reads_total",
        &[],
        "Times that a client was so far behind that the log was read for it",
    ),
    figure(
        Counter,
        "codecourier_live_sockets_ended_total",
        &["reason"],
        "Live sockets that ended, by reason; `slow` are those that did not take what they were sent",
    ),
    figure(
        Histogram,
        "codecourier_live_delay_seconds",
        &[],
        "From the moment a commit is known here until a client is sent it; one of 32 is measured",
    ),
    figure(
        Counter,
        "codecourier_node_hints_total",
        &["direction"],
        "Messages between nodes, sent and heard",
    ),
    figure(
        Counter,
        "codecourier_node_lost_hints_total",
        &[],
        "Sweeps that found what no other node had told of",
    ),
    figure(
        Gauge,
        "codecourier_node_listening",
        &[],
        "Whether this node hears others: 1, or 0 while it only sweeps",
    ),
];

/// Tells the recorder what each figure is, and lets counters without labels begin at 0.
pub(super) fn describe() {
    for figure in FIGURES {
        match figure.kind {
            Counter => {
                describe_counter!(figure.name, figure.says);
                if figure.labels.is_empty() {
                    counter!(figure.name).increment(0);
                }
            }
            Gauge => describe_gauge!(figure.name, figure.says),
            Histogram => describe_histogram!(figure.name, figure.says),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_handbook_has_every_figure_and_no_other() {
        let handbook = include_str!("../../../../docs/operating.md");
        let rows: Vec<&str> = handbook
            .lines()
            .filter_map(|line| line.strip_prefix("| `codecourier_"))
            .collect();
        let told: BTreeSet<String> = rows
            .iter()
            .filter_map(|row| Some(format!("codecourier_{}", row.split_once('`')?.0)))
            .collect();
        let known: BTreeSet<String> = FIGURES.iter().map(|figure| figure.name.to_owned()).collect();
        assert_eq!(told, known);
        for figure in FIGURES {
            let row = rows
                .iter()
                .find(|row| row.starts_with(&format!("{}`", &figure.name["codecourier_".len()..])));
            for label in figure.labels {
                assert!(
                    row.unwrap().contains(&format!("`{label}`")),
                    "{label} of {}",
                    figure.name
                );
            }
        }
    }

    #[test]
    fn a_label_is_one_of_few_kinds_of_words() {
        const BOUNDED: [&str; 10] = [
            "version",
            "method",
            "route",
            "status",
            "traffic",
            "kind",
            "state",
            "reason",
            "direction",
            "outcome",
        ];
        for figure in FIGURES {
            assert!(
                figure.labels.iter().all(|label| BOUNDED.contains(label)),
                "{}",
                figure.name
            );
        }
    }
}
