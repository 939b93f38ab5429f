//! A person's conversation with each agent in a sandbox of its own, at the command line: turns, a message in the middle of
//! one, an interruption, a server that is killed meanwhile, a pause, another model, and the work of all turns at the end.

use std::time::Duration;

use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route::default_model;
use codecourier_it::conformance::{Behaviour, Judged, Scene};
use codecourier_it::project::Project;
use codecourier_it::scene::Ended;
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_as_expected, of_every_agent};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long an interruption may take, the start of the command that asks for it included.
const SECONDS: Duration = Duration::from_secs(10);

/// A conversation under way.
struct Talk {
    project: Project,
    run: String,
    /// Everything that was shown, for the message of a test that fails.
    shown: String,
}

impl Talk {
    /// `codecourier sandbox …` about this conversation, which works.
    async fn does(&mut self, verb: &str, arguments: &[&str]) -> Ended {
        let command = [&["sandbox", verb, &self.run], arguments].concat();
        let ended = self.project.says(&command).ended().await.unwrap();
        assert_eq!(
            ended.code,
            Some(0),
            "{command:?}: {}\n{}{}",
            self.shown,
            ended.stdout,
            ended.stderr
        );
        self.saw(&ended);
        ended
    }

    fn saw(&mut self, ended: &Ended) {
        self.shown.push_str(&ended.stdout);
    }

    /// Says something, and waits until the agent waits.
    async fn send(&mut self, text: &str) -> Ended {
        self.does("send", &[text]).await
    }

    /// The last thing that the model was asked to work on, as text.
    fn last_asked(&self) -> String {
        let requests = self.project.scene.model.requests();
        let mut asked = requests.iter().rev();
        let with_tools = asked.find(|request| request.json()["tools"].is_array());
        with_tools.map(|request| request.json().to_string()).unwrap_or_default()
    }

    /// Says something that takes long, and waits until the agent was given it and asked its model.
    async fn begin(&self, text: &str) -> codecourier_it::scene::Begun {
        let asked = self.project.scene.model.requests().len();
        let long = self.project.says(&["sandbox", "send", &self.run, text]);
        let heard = self.project.scene.model.wait_for_requests(asked + 1);
        tokio::time::timeout(PATIENCE, heard).await.expect(&self.shown);
        long
    }

    /// How the conversation's sandbox is shown.
    async fn status(&mut self) -> Value {
        self.does("show", &[]).await.lines()[0]["sandbox"]["status"].take()
    }
}

/// How the turns that were shown ended.
fn outcomes(ended: &Ended) -> Vec<String> {
    let ends = ended.events("turn_ended");
    ends.iter()
        .map(|end| end["outcome"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Whether the agent said something among what was shown.
fn says(ended: &Ended, words: &str) -> bool {
    let texts = ended.events("text");
    texts
        .iter()
        .any(|event| event["text"].as_str().is_some_and(|text| text.contains(words)))
}

fn is_one_turn(ended: &Ended) -> bool {
    outcomes(ended) == ["completed"] && ended.lines().pop().is_some_and(|line| line["type"] == "waits")
}

/// Another model of the same agent; of another provider where it speaks to several.
fn other_model(agent: AgentKind) -> &'static str {
    match agent {
        AgentKind::Claude => "claude-haiku-4-5",
        AgentKind::Codex => "gpt-5.4",
        AgentKind::Opencode => "gpt-5.5",
        AgentKind::Pi | AgentKind::Acp => "openrouter/scripted/one",
    }
}

async fn talk(agent: AgentKind) {
    let mut judged = Judged::of(agent, Scene::Talk);
    let project = Project::open(&[agent]).await.unwrap();
    let repository = format!("ssh://git@example.org{}", project.scene.source_path());
    let first = "Remember the word heron.\n@@write one.txt <<< one\n@@say I wrote one.";
    let (name, model) = (agent.as_str(), default_model(agent));
    let start = [
        "sandbox",
        "start",
        "--agent",
        name,
        "--model",
        model,
        "--repo",
        &repository,
        first,
    ];
    let started = project.says(&start).ended().await.unwrap();
    assert!(is_one_turn(&started), "{}{}", started.stdout, started.stderr);
    let run = started.lines()[0]["run"].as_str().unwrap().to_owned();
    let shown = started.stdout;
    let mut talk = Talk { project, run, shown };

    let early = talk
        .project
        .says(&["sandbox", "interrupt", &talk.run])
        .ended()
        .await
        .unwrap();
    assert!(
        early.code == Some(2) && early.message().contains("not at work"),
        "{}{}",
        early.stdout,
        early.stderr
    );
    let ended = talk.send("And now?\n@@write two.txt <<< two\n@@say I wrote two.").await;
    let asked = talk.last_asked();
    judged.row(
        Behaviour::FollowUp,
        is_one_turn(&ended)
            && asked.contains("heron")
            && asked.contains("And now?")
            && ended.events("prompt").is_empty(),
        || format!("{}\n{asked}", ended.stdout),
    );

    meanwhile(&mut talk, &mut judged).await;
    interrupt(&mut talk, &mut judged).await;
    stand_still(&mut talk, &mut judged).await;

    // What the server says of the agent decides what is offered; and what is offered works.
    let agents = talk.project.ask(Method::GET, "/agents", Value::Null).await.unwrap();
    let mut agents = agents.as_array().into_iter().flatten();
    let capabilities = agents.find(|known| known["id"] == name).unwrap()["capabilities"].clone();
    for offered in ["followUp", "interrupt", "resume"] {
        assert_eq!(capabilities[offered], true, "{offered} is not offered: {capabilities}");
    }
    talk.does("model", &[other_model(agent)]).await;
    let ended = talk
        .send("And with you?\n@@write five.txt <<< five\n@@say I wrote five.")
        .await;
    let asked = talk.last_asked();
    let is_other = talk.project.scene.model.requests().iter().any(|request| {
        let asked = request.json();
        asked["model"]
            .as_str()
            .is_some_and(|asked| other_model(agent).ends_with(asked))
    });
    judged.row(
        Behaviour::Resume,
        is_one_turn(&ended)
            && is_other
            && ["heron", "I wrote four.", "And with you?"]
                .iter()
                .all(|words| asked.contains(words)),
        || format!("{}\n{asked}", ended.stdout),
    );

    finish(talk, &mut judged).await;
    assert_as_expected(&judged);
}

/// A message that is sent while a tool runs. Steered, it is in the request after the tool, and one end is the end of both.
async fn meanwhile(talk: &mut Talk, judged: &mut Judged) {
    let long = talk
        .begin(
            "Take your time.\n@@when turn=1\n@@run sleep 4; echo awake\n@@say I slept.\n@@end\n\
             @@when turn=2\n@@say I heard it.\n@@end",
        )
        .await;
    let path = format!("/projects/shop/runs/{}", talk.run);
    let detail = talk.project.ask(Method::GET, &path, Value::Null).await.unwrap();
    let step = detail["steps"][0]["id"].as_str().unwrap().to_owned();
    let messages = format!("{path}/steps/{step}/messages");
    let said = json!({"text": "Mind the otter."});
    talk.project.ask(Method::POST, &messages, said).await.unwrap();
    let ended = long.ended().await.unwrap();
    talk.saw(&ended);
    let asked = talk.last_asked();
    let is_heard =
        asked.matches("Mind the otter.").count() == 1 && outcomes(&ended).iter().all(|end| end == "completed");
    let told = || format!("{}{}\n{asked}", ended.stdout, ended.stderr);
    judged.row(Behaviour::Steer, is_heard && is_one_turn(&ended), told);
    judged.row(
        Behaviour::SaidMeanwhile,
        is_heard && ended.events("user_message").len() == 2,
        told,
    );
}

/// A turn is interrupted before the model has said anything. Then the server dies while a tool runs, and the next one
/// interrupts that.
async fn interrupt(talk: &mut Talk, judged: &mut Judged) {
    let silent = talk.begin("Think.\n@@flaky 1-hang.thinking").await;
    let cut_off = talk.does("interrupt", &[]).await;
    silent.ended().await.unwrap();
    let after = talk.send("Still there?\n@@say Here I am.").await;
    let is_cut_off = outcomes(&cut_off) == ["interrupted"] && cut_off.took < SECONDS && is_one_turn(&after);
    talk.saw(&cut_off);

    let long = talk.begin("Wait.\n@@run sleep 3600").await;
    let runs = |event: &Value| event["kind"] == "tool_call" && event["input"].to_string().contains("sleep 3600");
    talk.project.until_event(&talk.run, runs).await.unwrap();
    talk.project.kill_and_restart().await.unwrap();
    let interrupted = talk.does("interrupt", &[]).await;
    let long = long.ended().await.unwrap();
    let ended = talk
        .send("Are you there?\n@@write three.txt <<< three\n@@say I wrote three.")
        .await;
    let asked = talk.last_asked();
    let told = || {
        format!(
            "{:?} {}\n{}\n{:?}\n{}\n{}{}\n{}\n{asked}",
            cut_off.took,
            cut_off.stdout,
            after.stdout,
            interrupted.took,
            interrupted.stdout,
            long.stdout,
            long.stderr,
            ended.stdout
        )
    };
    let is_heard = is_one_turn(&ended)
        && says(&ended, "I wrote three.")
        && asked.contains("Are you there?")
        && asked.contains("heron");
    judged.row(
        Behaviour::Interrupt,
        is_cut_off && outcomes(&interrupted) == ["interrupted"] && interrupted.took < SECONDS && is_heard,
        told,
    );
    judged.row(
        Behaviour::ServerKilled,
        long.code == Some(0)
            && long.lines().pop().is_some_and(|line| line["type"] == "waits")
            && long.events("interrupted").len() == 1
            && is_heard,
        told,
    );
}

/// A sandbox that stands still hears nothing, and goes on with everything it knew.
async fn stand_still(talk: &mut Talk, judged: &mut Judged) {
    talk.does("pause", &[]).await;
    talk.project.kill_and_restart().await.unwrap();
    let paused = talk.status().await;
    talk.does("resume", &[]).await;
    let running = talk.status().await;
    let ended = talk
        .send("Go on.\n@@run cat one.txt > four.txt\n@@say I wrote four.")
        .await;
    let asked = talk.last_asked();
    judged.row(
        Behaviour::Paused,
        paused == "paused" && running == "running" && is_one_turn(&ended) && asked.contains("heron"),
        || format!("{paused} {running}\n{}\n{asked}", ended.stdout),
    );
}

/// The conversation is over, and its work is taken over.
async fn finish(mut talk: Talk, judged: &mut Judged) {
    let finished = talk.does("finish", &[]).await;
    let patch = talk.project.patch(&talk.run).await.unwrap();
    let files = ["one", "two", "three", "four", "five"];
    let has_all = files.iter().all(|file| patch.contains(&format!("{file}.txt")));
    let logs = talk.project.says(&["logs", &talk.run]).ended().await.unwrap();
    let said: Vec<String> = logs
        .events("text")
        .iter()
        .map(|event| event["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    let times = |words: &str| said.iter().filter(|text| text.contains(words)).count();
    let once = |words: &str| times(words) == 1;
    // Heard in the turn of the long command, the message can be what its last words answer.
    let after_the_command = matches!((times("I slept."), times("I heard it.")), (0 | 1, 1) | (1, 0));
    let is_told_once =
        files.iter().all(|file| once(&format!("I wrote {file}."))) && after_the_command && once("Here I am.");
    let by_person = logs.events("user_message").len();
    judged.row(
        Behaviour::Finished,
        finished.result()["status"] == "completed" && has_all && is_told_once && by_person == 9,
        || format!("{patch}\n{by_person}\n{}\n{}", said.join("\n"), finished.stdout),
    );
    let (_scene, runs) = talk.project.close().await.unwrap();
    let faults: Vec<&String> = runs.iter().flat_map(|run| &run.faults).collect();
    assert_eq!(faults, Vec::<&String>::new());
}

of_every_agent!(talk: a_person_talks_to_claude, a_person_talks_to_codex, a_person_talks_to_opencode, a_person_talks_to_pi);
