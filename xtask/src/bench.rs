//! `bench`: builds the benchmark programs with the release profile, runs them one after another, and writes a report to
//! `bench/results/<date>-<host>.{md,json}` with the machine, the method of each figure and the bar it is held to.
//!
//! A benchmark is an example or a program named in [`BENCHMARKS`]. It prints JSON objects, one a line:
//! `{"bench": "first_byte", "method": "one sentence", "p50_ms": 0.7, …}`. Each number in it is a figure, named
//! `<part>.<bench>.<field>`, where the part is the program's name without `bench_` (a bench with a dot in its name has its
//! part already). Text fields say what it was measured on. Other lines are ignored. Nothing here fails because a figure is worse than its bar: that
//! is for a person to judge, on a machine whose load they know.

use std::fmt::Write as _;
use std::fs;

use clap::Args;
use serde_json::{Map, Value};

use crate::{Outcome, host, setup, spawn, terminal, web, workspace};

#[derive(Args)]
pub(crate) struct Bench {
    /// Only these benchmarks, such as `bench_store`.
    names: Vec<String>,
    /// For how long `bench_ui` streams events to a page: a minute unless told, 1800 for the figure that is held.
    #[arg(long)]
    seconds: Option<u32>,
}

const BENCHMARKS: [&str; 9] = [
    "bench_parse",
    "bench_store",
    "bench_sandbox",
    "bench_gateway",
    "bench_forge",
    "bench_engine",
    "bench_live",
    "bench_server",
    "bench_ui",
];

/// Benchmarks of the program itself, which is built before them.
const OF_THE_PROGRAM: [&str; 2] = ["bench_server", "bench_ui"];
/// The benchmark of the user interface, which is built before the program that carries it.
const OF_THE_PAGE: &str = "bench_ui";

/// What the architecture holds a figure to.
struct Bar {
    figure: &'static str,
    bound: Bound,
    says: &'static str,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// From the table "Numbers we hold". `x_floor` figures are ratios to the floor measured in the same run.
const BARS: &[Bar] = &[
    Bar {
        figure: "sandbox.create.p50_x_floor",
        bound: Bound::AtMost(2.0),
        says: "create → first output, p50",
    },
    Bar {
        figure: "sandbox.create.p95_x_floor",
        bound: Bound::AtMost(5.0),
        says: "create → first output, p95",
    },
    Bar {
        figure: "sandbox.exec.p50_x_floor",
        bound: Bound::AtMost(2.0),
        says: "exec in a running sandbox",
    },
    Bar {
        figure: "sandbox.pause.p50_ms",
        bound: Bound::AtMost(1.0),
        says: "pause",
    },
    Bar {
        figure: "sandbox.resume.p50_ms",
        bound: Bound::AtMost(1.0),
        says: "resume",
    },
    Bar {
        figure: "sandbox.kill.p50_ms",
        bound: Bound::AtMost(10.0),
        says: "kill, all dead",
    },
    Bar {
        figure: "engine.handover.p50_ms",
        bound: Bound::AtMost(60.0),
        says: "step hand-over with sandbox",
    },
    Bar {
        figure: "engine.decision.p99_ms",
        bound: Bound::AtMost(10.0),
        says: "step hand-over, engine alone",
    },
    Bar {
        figure: "store.durable_events.events_per_second",
        bound: Bound::AtLeast(30_000.0),
        says: "durable event ingest",
    },
    Bar {
        figure: "store.durable_events.bytes_written_per_event_byte",
        bound: Bound::AtMost(2.0),
        says: "bytes written per byte of event",
    },
    Bar {
        figure: "live.agent_line.p99_ms",
        bound: Bound::AtMost(50.0),
        says: "agent line → durable → on a client",
    },
    Bar {
        figure: "gateway.overhead.p50_ms",
        bound: Bound::AtMost(1.0),
        says: "gateway, added to the first byte",
    },
    Bar {
        figure: "gateway.throughput.loss_percent",
        bound: Bound::AtMost(5.0),
        says: "gateway, lost throughput",
    },
    Bar {
        figure: "gateway.idle_streams.kb_per_stream",
        bound: Bound::AtMost(64.0),
        says: "gateway, memory of an idle stream",
    },
    Bar {
        figure: "gateway.openai_responses.overhead.p50_ms",
        bound: Bound::AtMost(1.0),
        says: "gateway, first byte, OpenAI Responses",
    },
    Bar {
        figure: "gateway.openai_responses.throughput.loss_percent",
        bound: Bound::AtMost(5.0),
        says: "gateway, lost throughput, OpenAI Responses",
    },
    Bar {
        figure: "gateway.openai_responses.idle_streams.kb_per_stream",
        bound: Bound::AtMost(64.0),
        says: "gateway, idle stream, OpenAI Responses",
    },
    Bar {
        figure: "gateway.openai_chat.overhead.p50_ms",
        bound: Bound::AtMost(1.0),
        says: "gateway, first byte, OpenAI Chat",
    },
    Bar {
        figure: "gateway.openai_chat.throughput.loss_percent",
        bound: Bound::AtMost(5.0),
        says: "gateway, lost throughput, OpenAI Chat",
    },
    Bar {
        figure: "gateway.openai_chat.idle_streams.kb_per_stream",
        bound: Bound::AtMost(64.0),
        says: "gateway, idle stream, OpenAI Chat",
    },
    Bar {
        figure: "gateway.openrouter_chat.overhead.p50_ms",
        bound: Bound::AtMost(1.0),
        says: "gateway, first byte, OpenRouter",
    },
    Bar {
        figure: "gateway.openrouter_chat.throughput.loss_percent",
        bound: Bound::AtMost(5.0),
        says: "gateway, lost throughput, OpenRouter",
    },
    Bar {
        figure: "gateway.openrouter_chat.idle_streams.kb_per_stream",
        bound: Bound::AtMost(64.0),
        says: "gateway, idle stream, OpenRouter",
    },
    Bar {
        figure: "server.idle.rss_mb",
        bound: Bound::AtMost(40.0),
        says: "idle server, memory",
    },
    Bar {
        figure: "server.start.ready_ms",
        bound: Bound::AtMost(150.0),
        says: "start → ready",
    },
    Bar {
        figure: "ui.open.usable_p50_ms",
        bound: Bound::AtMost(300.0),
        says: "run of 10,000 events, address → usable",
    },
    Bar {
        figure: "ui.go.usable_p50_ms",
        bound: Bound::AtMost(300.0),
        says: "run of 10,000 events, click on a link → usable",
    },
    Bar {
        figure: "ui.open.rows_in_dom",
        bound: Bound::AtMost(60.0),
        says: "rows in the DOM, opened",
    },
    Bar {
        figure: "ui.scroll.rows_in_dom",
        bound: Bound::AtMost(60.0),
        says: "rows in the DOM, scrolling",
    },
    Bar {
        figure: "ui.follow.rows_in_dom",
        bound: Bound::AtMost(60.0),
        says: "rows in the DOM, following",
    },
    Bar {
        figure: "ui.scroll.longest_task_ms",
        bound: Bound::AtMost(50.0),
        says: "longest task of a scrolling page",
    },
    Bar {
        figure: "ui.scroll.jump_longest_task_ms",
        bound: Bound::AtMost(50.0),
        says: "longest task of a jump to an end",
    },
    Bar {
        figure: "ui.follow.heap_deviation_percent",
        bound: Bound::AtMost(10.0),
        says: "heap of a page that follows, around its median",
    },
    Bar {
        figure: "ui.follow.behind_p95_ms",
        bound: Bound::AtMost(1_000.0),
        says: "age of the newest call on the screen, following",
    },
];

impl Bench {
    pub(crate) fn run(&self) -> Outcome {
        setup::run()?;
        let metadata = workspace::metadata()?;
        let mut results = Vec::new();
        for name in BENCHMARKS
            .iter()
            .filter(|name| self.names.is_empty() || self.names.iter().any(|wanted| wanted == *name))
        {
            let Some((package, kind)) = workspace::find_target(&metadata, name) else {
                terminal::note(&format!("{name}: not written yet"));
                continue;
            };
            let of_the_page = *name == OF_THE_PAGE;
            if of_the_page {
                setup::run_for_browser()?;
                web::run()?;
            }
            terminal::heading(name);
            if OF_THE_PROGRAM.contains(name) {
                spawn::run(&["cargo", "build", "--release", "--package", "codecourier"])?;
            }
            let cargo = |verb| {
                let kind = kind.option();
                ["cargo", verb, "--quiet", "--release", "--package", package, kind, name]
            };
            spawn::run(&cargo("build"))?;
            results.push(load_before(name));
            let seconds = self
                .seconds
                .filter(|_| of_the_page)
                .map(|seconds| format!("--seconds={seconds}"));
            let mut run = cargo("run").to_vec();
            run.extend(seconds.iter().flat_map(|seconds| ["--", seconds]));
            let printed = spawn::output_with_messages(&run)?;
            results.extend(parse(&printed, name.trim_start_matches("bench_")));
        }
        if results.is_empty() {
            return Err("no benchmark printed a result".to_owned());
        }
        let machine = host::description();
        let date = spawn::output(&["date", "--utc", "+%Y-%m-%d"])?.trim().to_owned();
        let name = format!("{date}-{}", host_name(&machine));
        let directory = workspace::root().join("bench/results");
        let results = beside_earlier(earlier(&directory.join(format!("{name}.json"))), results);
        let table = table(&results);
        let report = report(&date, &machine, &table, &results);
        write(&directory.join(format!("{name}.md")), &report)?;
        let machine: Map<String, Value> = machine
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let json = serde_json::json!({ "date": date, "machine": machine, "results": results });
        write(&directory.join(format!("{name}.json")), &format!("{json:#}\n"))?;
        table.lines().for_each(terminal::note);
        terminal::note(&format!("written to bench/results/{name}.md"));
        Ok(())
    }
}

/// What tells a reader whether a benchmark had the machine to itself: the load when it began, after everything was built.
fn load_before(name: &str) -> Map<String, Value> {
    let load: Option<f64> = host::load()
        .split_whitespace()
        .next()
        .and_then(|load| load.parse().ok());
    let mut result = Map::new();
    result.insert("bench".to_owned(), format!("machine.load_before.{name}").into());
    result.insert("average".to_owned(), load.into());
    result
}

/// The results in a report of the same day and kind of machine; none if there is none.
fn earlier(path: &std::path::Path) -> Vec<Map<String, Value>> {
    let report: Option<Value> = fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let results = report.as_ref().and_then(|report| report.get("results")?.as_array());
    results
        .into_iter()
        .flatten()
        .filter_map(|result| result.as_object().cloned())
        .collect()
}

/// The new results, with those earlier ones that they do not measure anew: a report can be made in parts.
fn beside_earlier(earlier: Vec<Map<String, Value>>, new: Vec<Map<String, Value>>) -> Vec<Map<String, Value>> {
    let measured = |result: &Map<String, Value>| (result.get("bench").cloned(), measured_on(result));
    let mut results: Vec<_> = earlier
        .into_iter()
        .filter(|old| new.iter().all(|result| measured(result) != measured(old)))
        .collect();
    results.extend(new);
    results
}

fn write(path: &std::path::Path, text: &str) -> Outcome {
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// The results among the lines a benchmark printed.
fn parse(printed: &str, part: &str) -> Vec<Map<String, Value>> {
    let objects = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    objects
        .filter_map(|mut result| {
            let bench = result.get("bench")?.as_str()?;
            if !bench.contains('.') {
                let bench = format!("{part}.{bench}");
                result.insert("bench".to_owned(), bench.into());
            }
            Some(result)
        })
        .collect()
}

/// Every figure with its bar, as a Markdown table.
fn table(results: &[Map<String, Value>]) -> String {
    let mut table = String::from("| figure | on | value | bar | |\n|---|---|---|---|---|\n");
    for result in results {
        let on = measured_on(result);
        for (figure, value) in figures(result) {
            let (bar, verdict) = match BARS.iter().find(|bar| bar.figure == figure) {
                Some(bar) => (bar.words(), if bar.holds(value) { "held" } else { "**not held**" }),
                None => (String::new(), ""),
            };
            let _ = writeln!(table, "| `{figure}` | {on} | {} | {bar} | {verdict} |", short(value));
        }
    }
    table
}

/// What the text fields say, but for the two that are shown elsewhere.
fn measured_on(result: &Map<String, Value>) -> String {
    let texts = result
        .iter()
        .filter(|(field, _)| *field != "bench" && *field != "method");
    texts
        .filter_map(|(_, value)| value.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// As many digits as mean something.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn figures(result: &Map<String, Value>) -> Vec<(String, f64)> {
    let bench = result.get("bench").and_then(Value::as_str).unwrap_or_default();
    let numbers = result
        .iter()
        .filter_map(|(field, value)| Some((field, value.as_f64()?)));
    numbers
        .map(|(field, value)| (format!("{bench}.{field}"), value))
        .collect()
}

fn report(date: &str, machine: &[(&str, String)], table: &str, results: &[Map<String, Value>]) -> String {
    let mut report = format!("# Benchmarks, {date}\n\nMade by `cargo xtask bench`.\n\n| machine | |\n|---|---|\n");
    for (key, value) in machine {
        let _ = writeln!(report, "| {key} | {value} |");
    }
    let _ = write!(report, "\n{table}\n## How it was measured\n\n");
    for result in results {
        let text = |field: &str| result.get(field).and_then(Value::as_str);
        if let (Some(bench), Some(method)) = (text("bench"), text("method")) {
            let _ = writeln!(report, "- `{bench}`: {method}");
        }
    }
    report
}

/// A name for this kind of machine, not for this one machine: `amd-epyc-7r13-2-cores`.
fn host_name(machine: &[(&str, String)]) -> String {
    let value = |key: &str| {
        machine
            .iter()
            .find(|(known, _)| *known == key)
            .map_or("", |(_, value)| value.as_str())
    };
    let words = format!("{} {} cores", value("processor"), value("cores")).to_lowercase();
    let plain: String = words
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

impl Bar {
    fn holds(&self, value: f64) -> bool {
        match self.bound {
            Bound::AtMost(bound) => value <= bound,
            Bound::AtLeast(bound) => value >= bound,
        }
    }

    fn words(&self) -> String {
        match self.bound {
            Bound::AtMost(bound) => format!("≤ {bound} ({})", self.says),
            Bound::AtLeast(bound) => format!("≥ {bound} ({})", self.says),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_held_to_their_bars() {
        let printed = "warming up\n{\"bench\":\"pause\",\"method\":\"20 times\",\"p50_ms\":1.5}\n{\"other\":1}\n";
        let mut results = parse(printed, "sandbox");
        results.extend(parse(
            "{\"bench\":\"durable_events\",\"store\":\"sqlite\",\"events_per_second\":31000.123}",
            "store",
        ));
        results.extend(parse("{\"bench\":\"agents.parse\",\"seconds\":0.12345}", "parse"));
        let table = table(&results);
        for line in [
            "| `sandbox.pause.p50_ms` |  | 1.50 | ≤ 1 (pause) | **not held** |",
            "| `store.durable_events.events_per_second` | sqlite | 31000 | ≥ 30000 (durable event ingest) | held |",
            "| `agents.parse.seconds` |  | 0.1235 |  |  |",
        ] {
            assert!(
                table.lines().any(|known| known == line),
                "{line} is missing in:\n{table}"
            );
        }

        let report = report("2030-01-02", &[("cores", "2".to_owned())], &table, &results);
        assert!(
            report.contains("| cores | 2 |") && report.contains("- `sandbox.pause`: 20 times"),
            "{report}"
        );
    }

    #[test]
    fn a_benchmark_made_anew_replaces_its_own_figures_only() {
        let of = |printed| parse(printed, "store");
        let earlier = of(concat!(
            r#"{"bench":"read","store":"sqlite","ms":1}"#,
            "\n",
            r#"{"bench":"read","store":"postgres","ms":2}"#,
            "\n",
            r#"{"bench":"write","ms":3}"#,
        ));
        let all = beside_earlier(earlier, of(r#"{"bench":"read","store":"sqlite","ms":9}"#));
        let table = table(&all);
        let values: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            values,
            [
                "| `store.read.ms` | postgres | 2 |  |  |",
                "| `store.write.ms` |  | 3 |  |  |",
                "| `store.read.ms` | sqlite | 9 |  |  |",
            ]
        );
    }

    #[test]
    fn a_machine_is_named_by_its_kind() {
        let machine = [
            ("processor", "AMD EPYC (x) @ 3.0".to_owned()),
            ("cores", "2".to_owned()),
        ];
        assert_eq!(host_name(&machine), "amd-epyc-x-3-0-2-cores");
    }
}
