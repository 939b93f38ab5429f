//! Latencies of the tier `ns` beside the physical floor, both measured in the same run, as JSON lines.
//!
//! `cargo run --release -p codecourier-sandbox --example bench_sandbox [rounds]`, as root on a quiet machine. The floor
//! of a creation is what the kernel must do and nothing else: fork into new namespaces, two user id maps, an overlay,
//! control groups, and one exec of `echo`, by a child that does it all in one breath. The floor of an exec in a running
//! sandbox is fork and exec of the same `echo`.

#![expect(unsafe_code, reason = "the floor is made of raw system calls")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring program"
)]

use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::ns::{NsBackend, NsConfig};
use codecourier_sandbox::templates::{NoProgress, TemplateStore, base_template};
use codecourier_sandbox::{
    Backend, Degraded, JournalStream, LayerRef, Network, ProcessSpec, Sandbox, SandboxSpec, Stdin,
};
use futures::StreamExt;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60);
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shared =
        std::env::var("CODECOURIER_BENCH_DATA").map_or_else(|_| PathBuf::from("target/testdata"), PathBuf::from);
    let store = TemplateStore::open(shared).unwrap();
    let layers = runtime
        .block_on(store.ensure(&base_template(), &NoProgress))
        .unwrap()
        .layers;
    let backend = NsBackend::open(NsConfig::new(directory.path())).unwrap();

    let mut floor = Samples::new(
        "floor",
        "namespaces, two id maps, overlay, control groups and one exec, to its first output: what the kernel must do",
    );
    let mut create = Samples::new(
        "create",
        "create asked, to the first output of echo in the new sandbox, in turns with the floor",
    );
    let mut ready = Samples::new("ready", "create asked, to its return");
    let mut destroy = Samples::new("kill", "destroy asked, to its return with every process seen dead");
    // One of each in turn, so that both see the same machine.
    for round in 0..rounds {
        floor.add(physical_floor(directory.path(), &layers[0].rootfs()));
        let start = Instant::now();
        let sandbox = runtime.block_on(backend.create(spec(round, &layers))).unwrap();
        ready.add(start.elapsed());
        runtime.block_on(first_output(&*sandbox, "first"));
        create.add(start.elapsed());
        let start = Instant::now();
        assert_eq!(runtime.block_on(backend.destroy(sandbox.id())).unwrap().survivors, 0);
        destroy.add(start.elapsed());
        drain(&backend);
    }
    for samples in [&floor, &ready, &destroy] {
        samples.print(None);
    }
    create.print(Some(&floor));

    let sandbox = runtime.block_on(backend.create(spec(1_000_000, &layers))).unwrap();
    let mut spawn = Samples::new("exec_floor", "fork and exec of echo on the host, reaped");
    let mut exec = Samples::new(
        "exec",
        "start asked, to the first output of echo in a running sandbox, in turns with the floor",
    );
    let mut pause = Samples::new("pause", "twenty processes, to the return");
    let mut resume = Samples::new("resume", "twenty processes, to the return");
    for number in 0..19 {
        let idle = ProcessSpec::new(format!("idle-{number}"), "sleep", ["1000"]);
        runtime.block_on(sandbox.start(idle)).unwrap();
    }
    for round in 0..rounds {
        let start = Instant::now();
        Command::new("/bin/echo").arg("hi").output().unwrap();
        spawn.add(start.elapsed());
        let start = Instant::now();
        runtime.block_on(first_output(&*sandbox, &format!("exec-{round}")));
        exec.add(start.elapsed());
        let start = Instant::now();
        runtime.block_on(sandbox.pause()).unwrap();
        pause.add(start.elapsed());
        let start = Instant::now();
        runtime.block_on(sandbox.resume()).unwrap();
        resume.add(start.elapsed());
    }
    for samples in [&spawn, &pause, &resume] {
        samples.print(None);
    }
    exec.print(Some(&spawn));
    let line = std::fs::read_to_string(format!("/proc/{}/status", shim_of(directory.path(), sandbox.id()))).unwrap();
    let resident = line.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let resident: u64 = resident.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!(
        "{}",
        serde_json::json!({ "bench": "idle_shim", "method": "resident memory of the shim of an idle sandbox", "rss_kb": resident })
    );
    runtime.block_on(backend.destroy(sandbox.id())).unwrap();
    drain(&backend);
}

fn shim_of(data: &Path, id: &SandboxId) -> String {
    std::fs::read_to_string(data.join(format!("sandboxes/{id}/shim.pid"))).unwrap()
}

/// What the last sandbox still does in the background must not disturb the next measurement.
fn drain(backend: &NsBackend) {
    while !backend.leftovers().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

async fn first_output(sandbox: &dyn Sandbox, tag: &str) {
    let process = ProcessSpec {
        stdin: Stdin::Null,
        ..ProcessSpec::new(tag, "/bin/echo", ["hi"])
    };
    sandbox.start(process).await.unwrap();
    let mut journal = sandbox.journal(tag, JournalStream::Stdout, 0).await.unwrap();
    assert_eq!(journal.next().await.unwrap().unwrap(), "hi\n");
}

fn spec(number: u64, layers: &[LayerRef]) -> SandboxSpec {
    SandboxSpec {
        id: format!("sbx_01890000000070008000{number:012x}").parse().unwrap(),
        layers: layers.to_vec(),
        limits: SandboxLimits::new(512, 1, 256, 1_024, 3_600).unwrap(),
        env: Vec::new(),
        hostname: "bench".to_owned(),
        degraded: Degraded::Refuse,
        network: Network::GatewayOnly,
    }
}

/// Durations of one thing.
struct Samples {
    bench: &'static str,
    method: &'static str,
    all: Vec<Duration>,
}

impl Samples {
    fn new(bench: &'static str, method: &'static str) -> Self {
        Self {
            bench,
            method,
            all: Vec::new(),
        }
    }

    fn add(&mut self, duration: Duration) {
        self.all.push(duration);
    }

    fn at(&self, part: f64) -> f64 {
        let mut sorted = self.all.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = ((sorted.len() - 1) as f64 * part).round() as usize;
        sorted[index].as_secs_f64() * 1e3
    }

    /// One line, with the ratio to a floor that was measured in the same run.
    fn print(&self, floor: Option<&Self>) {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        let mut line = serde_json::json!({
            "bench": self.bench, "method": self.method, "rounds": self.all.len(),
            "min_ms": round(self.at(0.0)), "p50_ms": round(self.at(0.5)), "p95_ms": round(self.at(0.95)),
        });
        if let Some(floor) = floor {
            line["p50_x_floor"] = round(self.at(0.5) / floor.at(0.5)).into();
            line["p95_x_floor"] = round(self.at(0.95) / floor.at(0.5)).into();
            line["min_x_floor"] = round(self.at(0.0) / floor.at(0.0)).into();
        }
        println!("{line}");
    }
}

/// Namespaces, overlay, control groups, exec: nothing else.
fn physical_floor(directory: &Path, rootfs: &Path) -> Duration {
    let own = directory.join(format!("floor-{:?}", Instant::now()).replace(|c: char| !c.is_ascii_alphanumeric(), ""));
    let groups = groups("codecourier-bench-floor");
    let text = |path: &Path| CString::new(path.to_str().unwrap()).unwrap();
    let (mut output, theirs) = pipe();
    let (wait, go) = pipe();
    let start = Instant::now();
    for name in ["", "upper", "work", "root"] {
        std::fs::create_dir(own.join(name)).unwrap();
    }
    for group in &groups {
        std::fs::create_dir(group).unwrap();
        if group.join("memory.limit_in_bytes").exists() {
            std::fs::write(group.join("memory.limit_in_bytes"), "536870912").unwrap();
        }
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile,userxattr",
        rootfs.display(),
        own.join("upper").display(),
        own.join("work").display()
    );
    let (options, root) = (CString::new(options).unwrap(), text(&own.join("root")));
    let arguments = [c"/bin/echo".as_ptr(), c"hi".as_ptr(), std::ptr::null()];
    let flags = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC;
    // SAFETY: the child makes system calls only, on memory that was made before, and then execs or ends.
    let pid = unsafe {
        let pid = libc::syscall(libc::SYS_clone, i64::from(flags | libc::SIGCHLD), 0, 0, 0, 0);
        if pid == 0 {
            let mut byte = [0_u8];
            libc::read(wait.as_raw_fd(), byte.as_mut_ptr().cast(), 1);
            libc::unshare(libc::CLONE_NEWCGROUP);
            libc::mount(
                c"none".as_ptr(),
                c"/".as_ptr(),
                std::ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                std::ptr::null(),
            );
            libc::mount(
                c"o".as_ptr(),
                root.as_ptr(),
                c"overlay".as_ptr(),
                0,
                options.as_ptr().cast(),
            );
            libc::chdir(root.as_ptr());
            libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr());
            libc::umount2(c".".as_ptr(), libc::MNT_DETACH);
            libc::mount(
                c"proc".as_ptr(),
                c"/proc".as_ptr(),
                c"proc".as_ptr(),
                0,
                std::ptr::null(),
            );
            libc::dup2(theirs.as_raw_fd(), 1);
            libc::execv(c"/bin/echo".as_ptr(), arguments.as_ptr());
            libc::_exit(1);
        }
        pid
    };
    assert!(pid > 0, "{}", std::io::Error::last_os_error());
    std::fs::write(format!("/proc/{pid}/uid_map"), "0 0 65536").unwrap();
    std::fs::write(format!("/proc/{pid}/gid_map"), "0 0 65536").unwrap();
    for group in &groups {
        std::fs::write(group.join("cgroup.procs"), pid.to_string()).unwrap();
    }
    drop(theirs);
    rustix::io::write(&go, b"g").unwrap();
    let mut first = [0; 3];
    std::fs::File::from(output.try_clone().unwrap())
        .read_exact(&mut first)
        .unwrap();
    let elapsed = start.elapsed();
    assert_eq!(&first, b"hi\n");
    // SAFETY: waits for our own child.
    unsafe { libc::waitpid(i32::try_from(pid).unwrap(), std::ptr::null_mut(), 0) };
    for group in &groups {
        while std::fs::remove_dir(group).is_err() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    output = pipe().0;
    drop(output);
    std::fs::remove_dir_all(own).unwrap();
    elapsed
}

/// The same kinds of group that the backend makes: memory, CPU, processes, and version 2 if it is there.
fn groups(name: &str) -> Vec<PathBuf> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let path = |controller: &str| {
        let line = own.lines().find(|line| line.split(':').nth(1) == Some(controller))?;
        Some(line.splitn(3, ':').nth(2)?.trim_start_matches('/').to_owned())
    };
    let version_1 = ["memory", "cpu", "pids"].iter().filter_map(|controller| {
        Some(
            Path::new("/sys/fs/cgroup")
                .join(controller)
                .join(path(controller)?)
                .join(name),
        )
    });
    let unified = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].into_iter().map(Path::new);
    let version_2 = unified
        .filter(|root| root.join("cgroup.controllers").exists())
        .filter_map(|root| Some(root.join(path("")?).join(name)));
    version_1.chain(version_2).collect()
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: two fresh descriptors, owned from here on.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    }
}
