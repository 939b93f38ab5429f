//! Bad input and bad luck: each case has a class and an exit code, says what to do, leaves the user's repository and the
//! host alone, and keeps no later run from working.
#![expect(
    clippy::unwrap_used,
    reason = "tests: helpers outside of test functions count as code"
)]

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use codecourier_it::compare::recorded_runs;
use codecourier_it::scene::{Ended, Scene, ended};
use codecourier_it::server::Installation;
use codecourier_it::small_disk::SmallDisk;
use codecourier_testkit::repository::RepositoryBuilder;

/// What a designer does when nothing goes wrong.
const GOOD: &str = "@@write a.txt <<< fine\n@@say Done.";
/// The exit codes of the binary.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const CANCELLED: i32 = 3;
const ENVIRONMENT: i32 = 4;

/// A run that must fail with a class, and with all of these words for people.
async fn fails(scene: &Scene, options: &[&str], prompt: &str, class: &str, words: &[&str]) -> Ended {
    let run = scene.run(options, prompt).await.unwrap();
    assert_ended(scene, &run, (FAILED, class), words, prompt);
    run
}

fn assert_ended(scene: &Scene, ended: &Ended, (code, class): (i32, &str), words: &[&str], case: &str) {
    let message = ended.message();
    let told = format!("{case}\n{message}\n{}", ended.stderr);
    assert_eq!((ended.code, ended.class().as_str()), (Some(code), class), "{told}");
    for word in words {
        assert!(message.contains(word), "`{word}` is missing: {told}");
    }
    assert_eq!(scene.faults(), Vec::<String>::new(), "{told}");
}

async fn completes(scene: &Scene, options: &[&str], prompt: &str) -> Ended {
    let run = scene.run(options, prompt).await.unwrap();
    assert_ended(scene, &run, (0, ""), &[], prompt);
    let branch = run.result()["branch"].as_str().unwrap_or_default().to_owned();
    assert!(!scene.source.commit(&branch).is_empty(), "{prompt}");
    run
}

/// After all of it: a good run works, and every record is whole.
async fn assert_unharmed(scene: &Scene) {
    completes(scene, &[], GOOD).await;
    for run in recorded_runs(scene.installation.data()).await.unwrap() {
        assert_eq!(run.faults, Vec::<String>::new(), "{}", run.run);
    }
}

fn output_of_tools(ended: &Ended) -> String {
    let results = ended.events("tool_result");
    let outputs = results.iter().filter_map(|result| result["output"].as_str());
    outputs.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_agent_that_takes_all_it_can_get_is_held_to_its_limits() {
    let scene = Scene::new().await.unwrap();
    let hungry = "@@bash python3 -c 'print(len(bytearray(2 << 30)))'\n@@write a.txt <<< fine";
    // With so little the agent itself is the victim. That is no crash of its own, and not tried again.
    let words = ["more memory than it may have", "Raise its memory limit"];
    let run = fails(&scene, &["--memory-mb", "256"], hungry, "OUT_OF_MEMORY", &words).await;
    assert_eq!(run.events("killed").len(), 1, "one attempt");
    // With more, the command is, and the agent goes on. So it is with a check, which says why it failed.
    let check = "greedy=python3 -c 'print(len(bytearray(2 << 30)))'";
    let options = ["--memory-mb", "640", "--check", check];
    let words = ["`greedy`", "ran out of memory", "Say in the prompt"];
    let run = fails(&scene, &options, hungry, "TASK", &words).await;
    assert!(output_of_tools(&run).contains("Killed"), "{}", output_of_tools(&run));

    let bomb = "@@bash bomb() { bomb | bomb & }; bomb; sleep 1; echo still here\n@@write a.txt <<< fine";
    let run = scene.run(&[], bomb).await.unwrap();
    assert!(
        run.code == Some(0) || ["AGENT_PROTOCOL", "SANDBOX"].contains(&run.class().as_str()),
        "{:?} {}",
        run.code,
        run.message()
    );
    let killed = run.events("killed");
    assert!(killed.iter().all(|killed| killed["survivors"] == 0), "{killed:?}");
    assert_eq!(scene.faults(), Vec::<String>::new());

    let full = "@@bash dd if=/dev/zero of=/home/user/big bs=1M count=300; rm /home/user/big\n@@write a.txt <<< fine";
    let run = completes(&scene, &["--disk-mb", "64"], full).await;
    assert!(
        output_of_tools(&run).contains("No space left"),
        "{}",
        output_of_tools(&run)
    );
    assert_unharmed(&scene).await;
}

#[tokio::test]
async fn an_agent_that_floods_or_garbles_its_output_is_read_to_the_end() {
    let scene = Scene::new().await.unwrap();
    let flood = "head -c 2000000000 /dev/zero | tr '\\0' x";
    let check = format!("loud={flood}");
    let prompt = format!("@@bash {flood}\n@@write a.txt <<< fine");
    let words = ["`loud`", "was ended by signal 9"];
    let run = fails(&scene, &["--check", &check], &prompt, "TASK", &words).await;
    assert!(run.stdout.len() < 1 << 20, "{} bytes were shown", run.stdout.len());

    // An answer in one line, longer than any that is read.
    let long = scene
        .run(&[], "@@write a.txt <<< fine\n@@bigline 20000000")
        .await
        .unwrap();
    assert_ended(&scene, &long, (0, ""), &[], "a long line");
    assert!(
        !long.events("unknown").is_empty(),
        "the transcript says what was too long"
    );

    let garbled = "@@bash printf '\\377\\376\\033[2J\\033]0;title\\007\\0ok\\n'; printf '\\303\\050' > bad.txt\n@@write a.txt <<< fine";
    let run = completes(&scene, &[], garbled).await;
    let branch = run.result()["branch"].as_str().unwrap().to_owned();
    let file = scene.source.git_bytes(["show", &format!("{branch}:bad.txt")], b"");
    assert_eq!(file, b"\xc3\x28", "bytes stay as they are");
    // What people see is nothing that their terminal would obey.
    let id = run.result()["run"].as_str().unwrap().to_owned();
    let shown = scene.installation.run(&["logs", &id]).unwrap().stdout;
    assert!(shown.windows(2).any(|window| window == b"ok"));
    assert!(
        !shown.contains(&0x1b) && !shown.contains(&0),
        "escapes are shown as such"
    );
    assert_unharmed(&scene).await;
}

#[tokio::test]
async fn what_an_agent_must_not_leave_is_refused_and_what_it_may_is_taken() {
    let scene = Scene::new().await.unwrap();
    let refused = [
        (
            "ln -s /etc/passwd leak; git add leak; git commit -qm leak",
            "`leak` leads out of the repository",
        ),
        ("ln -s ../../../etc/shadow leak", "`leak` leads out of the repository"),
        (
            "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm sub",
            "the submodule at `sub`",
        ),
    ];
    for (command, words) in refused {
        let words = [words, "Nothing of the step was taken over", "say in the prompt"];
        fails(&scene, &[], &format!("@@bash {command}"), "POLICY", &words).await;
    }
    // A path that some system takes for Git's own folder is left behind, in the tree and in the history.
    let trick = "@@bash mkdir git~1; echo x > git~1/config; echo y > fine; G='git -c core.protectNTFS=false'; $G add -A; $G commit -qm x";
    let run = completes(&scene, &[], trick).await;
    let branch = run.result()["branch"].as_str().unwrap().to_owned();
    let objects = scene.source.git(["rev-list", "--objects", &branch]);
    assert!(objects.contains("fine") && !objects.contains("git~1"), "{objects}");
    assert!(run.stdout.contains("were left out"), "it is said");

    let gone = "@@bash python3 -c \"import shutil; shutil.rmtree('/home/user/project')\"";
    let words = ["deleted the repository", "is as it was before the step"];
    fails(&scene, &[], gone, "POLICY", &words).await;
    let words = ["without changing anything", "Say in the prompt"];
    fails(&scene, &[], "@@say There is nothing to do.", "TASK", &words).await;

    let mess = "@@write new.txt <<< new\n@@bash echo more >> README.md; rm src/greeting.txt; git add new.txt; echo half > half; git checkout -q -b elsewhere";
    let run = completes(&scene, &[], mess).await;
    assert_eq!(run.result()["diffstat"]["files"], 4, "{}", run.result());
    assert_unharmed(&scene).await;
}

#[tokio::test]
async fn an_agent_that_dies_or_judges_nothing_has_a_second_chance_and_then_a_name() {
    let scene = Scene::new().await.unwrap();
    let words = ["ended by signal 9", "The transcript shows"];
    let run = fails(&scene, &[], "@@bash kill -9 $PPID", "AGENT_PROTOCOL", &words).await;
    assert_eq!(run.events("killed").len(), 2, "it was tried once more");
    let words = ["exit code 143 before its turn was over"];
    fails(
        &scene,
        &[],
        "@@bash kill -TERM $PPID; sleep 1",
        "AGENT_PROTOCOL",
        &words,
    )
    .await;

    let two = ["--workflow", "designer-checker"];
    let write = "@@when role=designer\n@@write a.txt <<< fine\n@@end\n@@when role=checker";
    let again = format!(
        "{write} turn=1\n@@write /home/user/.codecourier/verdict.json <<< {{\"verdict\": \"perhaps\n@@end\n\
         @@when role=checker turn=2\n@@bash echo '{{\"verdict\": \"pass\"}}' > /home/user/.codecourier/verdict.json\n@@end"
    );
    let run = completes(&scene, &two, &again).await;
    assert_eq!(run.events("asked_again").len(), 1);
    let never = format!("{write}\n@@say I like it.\n@@end");
    let words = ["no usable verdict", "there is no file", "choose another model"];
    let run = fails(&scene, &two, &never, "STRUCTURED_RESULT", &words).await;
    assert_eq!(run.events("asked_again").len(), 2);
    assert_unharmed(&scene).await;
}

#[tokio::test]
async fn a_model_that_cannot_be_reached_is_asked_for_a_bounded_time() {
    // The agent waits a minute and more between its attempts, so all of them wait at once.
    let (closed, cut, busy) = tokio::join!(
        unreachable("http://127.0.0.1:1"),
        unreachable("cut"),
        unreachable("err429")
    );
    let (scene, run) = closed;
    let words = ["Connection refused", "Check the network and the provider's address"];
    assert_ended(&scene, &run, (FAILED, "PROVIDER_UNREACHABLE"), &words, "closed");
    let words = ["broke off", "Check the network"];
    assert_ended(&cut.0, &cut.1, (FAILED, "PROVIDER_UNREACHABLE"), &words, "cut");
    let words = ["slow down", "Start fewer runs at once"];
    assert_ended(&busy.0, &busy.1, (FAILED, "PROVIDER_RATE_LIMIT"), &words, "busy");

    for flaky in ["flaky2-529.it", "flaky1-429.it"] {
        let run = scene.run_at(&scene.model.scenario_url(flaky), &[], GOOD).await.unwrap();
        assert_ended(&scene, &run, (0, ""), &[], flaky);
        assert!(
            !run.events("retry").is_empty(),
            "{flaky}: the transcript tells of the retries"
        );
    }
    assert_unharmed(&scene).await;
}

async fn unreachable(model: &str) -> (Scene, Ended) {
    let scene = Scene::new().await.unwrap();
    let url = if model.contains("://") {
        model.to_owned()
    } else {
        scene.model.scenario_url(model)
    };
    let run = scene.run_at(&url, &[], GOOD).await.unwrap();
    (scene, run)
}

#[tokio::test]
async fn a_repository_that_cannot_be_used_is_refused_before_anything_starts() {
    let mut scene = Scene::new().await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let plain = place.path().display().to_string();
    let empty = RepositoryBuilder::new().build(place.path().join("empty"));
    let empty = empty.path().display().to_string();
    let with_key = "https://user:hunter2@example.org/a.git";
    let cases: [(&[&str], &[&str]); 5] = [
        (
            &["--repo", "/nowhere/at/all"],
            &["There is no directory", "--repo takes"],
        ),
        (&["--repo", &plain], &["git"]),
        (&["--repo", &empty], &["commit"]),
        (&["--base", "mian"], &["mian", "main"]),
        (&["--repo", with_key], &["credentials"]),
    ];
    for (options, words) in cases {
        let run = scene.run(options, GOOD).await.unwrap();
        assert_ended(&scene, &run, (USAGE, "REPOSITORY"), words, &options.join(" "));
        assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"));
    }
    assert!(recorded_runs(scene.installation.data()).await.unwrap().is_empty());
    assert!(scene.model.requests().is_empty());

    std::fs::write(scene.source.path().join("README.md"), "half done\n").unwrap();
    std::fs::write(scene.source.path().join("notes.txt"), "mine\n").unwrap();
    scene.remember_source();
    let run = completes(&scene, &[], GOOD).await;
    assert_eq!(run.result()["uncommittedFiles"], 2);
    let id = run.result()["run"].as_str().unwrap().to_owned();
    let shown = scene.installation.run(&["show", &id]).unwrap().stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("2 files with uncommitted changes"), "{shown}");
    assert_unharmed(&scene).await;
}

#[tokio::test]
async fn a_second_process_is_told_who_has_the_data_directory() {
    let scene = Scene::new().await.unwrap();
    let mut first = scene.command_at(&scene.model.base_url(), &[], "@@hang");
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asked = scene.model.wait_for_requests(1);
    tokio::time::timeout(Duration::from_secs(60), asked).await.unwrap();

    let second = scene.run(&[], GOOD).await.unwrap();
    assert_eq!(second.code, Some(ENVIRONMENT));
    assert_eq!(second.class(), "DATA_DIRECTORY_IN_USE");
    for words in [&format!("process {}", first.id()), "`codecourier run`", "--data-dir"] {
        assert!(second.message().contains(words), "{}", second.message());
    }
    // Reading works meanwhile, and so does ending the other's run.
    let runs = ended(scene.installation.command(&["runs", "--json"])).await.unwrap();
    let line = runs.stdout.lines().next().unwrap_or_default();
    let at = line.find("run_").expect("the run is listed");
    let cancel = scene.installation.command(&["cancel", &line[at..at + 36]]);
    assert_eq!(ended(cancel).await.unwrap().code, Some(0));
    let status = tokio::task::spawn_blocking(move || first.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status.code(), Some(CANCELLED));
    assert_eq!(scene.faults(), Vec::<String>::new());
    assert_unharmed(&scene).await;
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing() {
    if !rustix::process::geteuid().is_root() {
        // Only root can make a disk that is small.
        return;
    }
    let disk = SmallDisk::new(96).unwrap();
    let installation = Installation::inside(disk.path()).await.unwrap();
    let sample = RepositoryBuilder::new()
        .file("README.md", "A sample.\n")
        .commit("first");
    let scene = Scene::at(installation, sample).await.unwrap();
    disk.fill().unwrap();
    let run = scene.run(&[], GOOD).await.unwrap();
    let words = ["is full", "Free some space", "Nothing that was confirmed is lost"];
    assert_ended(&scene, &run, (ENVIRONMENT, "DISK_FULL"), &words, "full from the start");
    disk.free().unwrap();

    // Full in the middle of a run: it waits and says so. Whoever takes it up after that finds all of it. The first answer
    // takes its time: the disk is full before it ends, and no further request gets through until there is room again. The
    // sandbox's own file system tells of what it could not write with the next sync, once; an agent then tries again.
    let prompt = "@@slow 300\n@@bash seq 5000\n@@bash seq 5000 | rev\n@@write a.txt <<< fine\n@@bash echo fine > a.txt\n\
                  @@say Done.";
    let mut command = scene.command_at(&scene.model.base_url(), &["--disk-mb", "64"], prompt);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (disk, waiting) = tokio::task::spawn_blocking(move || {
        let mut waits_for = |words: &str| lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(words)));
        waits_for("\"session_started\"").expect("the agent starts").unwrap();
        disk.fill().unwrap();
        (disk, waits_for("\"waiting\""))
    })
    .await
    .unwrap();
    let waiting = waiting.expect("it says that it waits").unwrap();
    assert!(waiting.contains("Free some space"), "{waiting}");
    child.kill().unwrap();
    child.wait().unwrap();

    disk.free().unwrap();
    let mut resume = scene.installation.command(&["resume", "--json"]);
    resume
        .env("ANTHROPIC_API_KEY", "sk-ant-test")
        .env("ANTHROPIC_BASE_URL", scene.model.base_url());
    let resumed = ended(resume).await.unwrap();
    assert_ended(&scene, &resumed, (0, ""), &[], "after the disk has room again");
    assert_unharmed(&scene).await;
}
