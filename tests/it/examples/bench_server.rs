//! Benchmarks of the server as a process: how long it takes from its start until it is ready, and what it takes while
//! nobody asks anything of it. The program is the release build, the data directory is fresh each time.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal; a benchmark whose ground gives way ends there"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codecourier_it::server::binary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const STARTS: usize = 21;
/// What a start puts off is done by then.
const SETTLING: Duration = Duration::from_secs(5);
const IDLING: Duration = Duration::from_secs(20);

fn main() {
    let mut on_fresh = Vec::new();
    let mut on_used = Vec::new();
    for _ in 0..STARTS {
        let place = tempfile::tempdir().unwrap();
        for times in [&mut on_fresh, &mut on_used] {
            let server = Server::start(&place);
            times.push(server.ready.as_secs_f64() * 1e3);
            server.stop();
        }
    }
    for (bench, mut times, on) in [
        ("start", on_fresh, "a fresh data directory"),
        ("restart", on_used, "a data directory that was used before"),
    ] {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        let method = format!(
            "{STARTS} starts of the release build on {on}, each in a temporary directory; from fork to the answer 200 to \
             GET /ready, asked for once the server printed that it is ready; ready_ms is the median"
        );
        println!(
            "{}",
            json!({ "bench": bench, "method": method, "ready_ms": at(50), "p95_ms": at(95), "max_ms": at(100) })
        );
    }

    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place);
    std::thread::sleep(SETTLING);
    let before = server.cpu_ticks();
    let began = Instant::now();
    std::thread::sleep(IDLING);
    let ticks = server.cpu_ticks() - before;
    let cpu_percent = ticks / ticks_per_second() / began.elapsed().as_secs_f64() * 100.0;
    let method = format!(
        "a server on a fresh data directory, nobody connected: resident memory (VmRSS) and what of it is its own (Pss_Anon) \
         {} s after it was ready, and its processor time over the last {} s of those",
        (SETTLING + IDLING).as_secs(),
        IDLING.as_secs()
    );
    println!(
        "{}",
        json!({
            "bench": "idle",
            "method": method,
            "rss_mb": server.kilobytes("status", "VmRSS:") / 1024.0,
            "own_mb": server.kilobytes("smaps_rollup", "Pss_Anon:") / 1024.0,
            "threads": server.kilobytes("status", "Threads:"),
            "cpu_percent": cpu_percent,
        })
    );
    server.stop();
}

struct Server {
    child: Child,
    ready: Duration,
}

impl Server {
    fn start(place: &tempfile::TempDir) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that starts the server")]
        let mut command = Command::new(binary());
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("CODECOURIER_DATA_DIR", place.path().join("data"))
            .env("CODECOURIER_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let mut stream = TcpStream::connect(ready["listening"].as_str().unwrap()).unwrap();
        stream
            .write_all(b"GET /ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Self {
            child,
            ready: began.elapsed(),
        }
    }

    fn stop(mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    /// A number in one of the process's files.
    fn kilobytes(&self, file: &str, field: &str) -> f64 {
        let text = self.file(file);
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Processor time of the process, its own and the system's for it.
    fn cpu_ticks(&self) -> f64 {
        let text = self.file("stat");
        let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    }
}

fn ticks_per_second() -> f64 {
    let ticks = rustix::param::clock_ticks_per_second();
    f64::from(u32::try_from(ticks).unwrap())
}
