//! Killing the real server at random moments, and judging what is left of its runs.

use std::process::Child;
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::compare::{Fault, RecordedRun, recorded_runs};
use crate::server::Installation;

/// How long a start may take to bring its run to the end, kills aside.
const PATIENCE: Duration = Duration::from_secs(180);

/// Kills that often, and gives over how many runs.
pub async fn torture(kills: u32, seed: u64, say: impl Fn(String)) -> Result<u32, Fault> {
    let mut random = StdRng::seed_from_u64(seed);
    let reference = reference().await?;
    say(format!("seed {seed}; an undisturbed run takes {:.1?}", reference.took));
    let mut done = 0;
    let mut runs = 0;
    while done < kills {
        let installation = Installation::new().await?;
        let mut server = installation.start(&["demo", "--json", "--no-pacing"])?;
        let mut killed_here = 0;
        loop {
            // Up to a third beyond the usual end, so that the end itself is hit as well.
            let moment = reference.took.mul_f64(random.random_range(0.0..1.3));
            if done >= kills || ends_within(&mut server, moment)? {
                break;
            }
            server.kill()?;
            server.wait()?;
            done += 1;
            killed_here += 1;
            let arguments: &[&str] = if has_a_run(&installation).await? {
                &["resume", "--json"]
            } else {
                &["demo", "--json", "--no-pacing"]
            };
            server = installation.start(arguments)?;
        }
        if !ends_within(&mut server, PATIENCE)? {
            server.kill()?;
            return Err(format!("the run did not end within {PATIENCE:?}; see {}", keep(installation)).into());
        }
        runs += 1;
        if let Err(fault) = judge(&installation, &reference.run).await {
            return Err(format!("after {killed_here} kills: {fault}; see {}", keep(installation)).into());
        }
        say(format!("run {runs}: {killed_here} kills, {done} in all"));
    }
    Ok(runs)
}

/// What an undisturbed run gives.
struct Reference {
    run: RecordedRun,
    took: Duration,
}

async fn reference() -> Result<Reference, Fault> {
    let installation = Installation::new().await?;
    let began = Instant::now();
    let output = installation.run(&["demo", "--json", "--no-pacing"])?;
    let took = began.elapsed();
    if !output.status.success() {
        return Err(format!(
            "the undisturbed run failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    let mut runs = recorded_runs(installation.data()).await?;
    match (runs.pop(), runs.is_empty()) {
        (Some(run), true) => Ok(Reference { run, took }),
        _ => Err("the undisturbed demo left another number of runs than one".into()),
    }
}

/// Every run of the installation ended as the reference did, its record is whole, and nothing is left on the host.
async fn judge(installation: &Installation, reference: &RecordedRun) -> Result<(), Fault> {
    let runs = recorded_runs(installation.data()).await?;
    if runs.is_empty() {
        return Err("there is no run".into());
    }
    for run in runs {
        if let Some(fault) = run.faults.first() {
            return Err(format!("{}: {fault}", run.run).into());
        }
        let verdicts = |run: &RecordedRun| {
            run.steps
                .iter()
                .filter_map(|step| step.verdict.clone())
                .collect::<Vec<_>>()
        };
        if run.status != reference.status || verdicts(&run) != verdicts(reference) {
            return Err(format!(
                "{} is {} with verdicts {:?}; undisturbed it is {} with {:?}",
                run.run,
                run.status,
                verdicts(&run),
                reference.status,
                verdicts(reference),
            )
            .into());
        }
    }
    let leftovers = installation.leftovers()?;
    if leftovers.is_empty() {
        Ok(())
    } else {
        Err(format!("left on the host: {leftovers:?}").into())
    }
}

/// Whether the server ends by itself within a time.
fn ends_within(server: &mut Child, time: Duration) -> Result<bool, Fault> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    // Also one that was waited for before: its number is no longer its own.
    if server.try_wait()?.is_some() {
        return Ok(true);
    }
    let pid = i32::try_from(server.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or("the server has no pid")?;
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let mut waited = [rustix::event::PollFd::new(&handle, rustix::event::PollFlags::IN)];
    let limit = rustix::event::Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    };
    let ended = rustix::event::poll(&mut waited, Some(&limit))? > 0;
    if ended {
        server.wait()?;
    }
    Ok(ended)
}

async fn has_a_run(installation: &Installation) -> Result<bool, Fault> {
    if !installation.data().join("codecourier.db").exists() {
        return Ok(false);
    }
    Ok(!recorded_runs(installation.data()).await.unwrap_or_default().is_empty())
}

/// Leaves the data directory for whoever looks for the reason.
fn keep(installation: Installation) -> String {
    let path = installation.data().display().to_string();
    std::mem::forget(installation);
    path
}
