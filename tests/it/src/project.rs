//! A project at a server that has a key for every provider: the stage for runs of every agent.
//!
//! Invariant: the keys are real to everybody but the scripted model behind them, which takes no other key; so nothing
//! that an agent does reaches the model but by the gateway.

use std::io::{self, BufRead as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use codecourier_domain::agent::AgentKind;
use codecourier_testkit::repository::RepositoryBuilder;
use codecourier_testkit::scripted_model::{Options, ScriptedModel};
use reqwest::Method;
use serde_json::{Value, json};

use crate::compare::{Fault, RecordedRun, recorded_runs};
use crate::person::Person;
use crate::scene::{Begun, Ended, Scene, begin, ended};
use crate::server::Installation;
use crate::serving::{Server, Start, reach_repositories};

/// The key that every provider takes. It must not be found anywhere it does not belong.
pub const REAL_KEY: &str = "sk-real-canary-5b0d7e94aa";

/// How long anything may take to be shown.
const PATIENCE: Duration = Duration::from_secs(120);

/// The agents that ship.
pub const AGENTS: [AgentKind; 4] = [AgentKind::Claude, AgentKind::Codex, AgentKind::Opencode, AgentKind::Pi];

/// A project, its server, the model behind it and its repository.
pub struct Project {
    /// The installation, the model and the repository.
    pub scene: Scene,
    /// `None` only between a kill and the next start.
    server: Option<Server>,
    url: String,
    address: String,
    token: String,
    http: reqwest::Client,
    person: Person,
    environment: Vec<(&'static str, String)>,
}

/// A run that ended, and what it showed.
pub struct Followed {
    /// Its identifier.
    pub id: String,
    /// Everything that was shown of it.
    pub shown: Ended,
    /// What the API says of it.
    pub detail: Value,
}

impl Project {
    /// A new one for runs of these agents.
    pub async fn open(agents: &[AgentKind]) -> Result<Self, Fault> {
        let repository = RepositoryBuilder::new()
            .file("README.md", "A sample.\n")
            .file("src/greeting.txt", "hello\n")
            .commit("first");
        Self::with(agents, repository).await
    }

    /// One with this repository.
    pub async fn with(agents: &[AgentKind], repository: RepositoryBuilder) -> Result<Self, Fault> {
        Self::with_environment(agents, repository, Vec::new()).await
    }

    /// One with this repository, at a server with more of an environment.
    pub async fn with_environment(
        agents: &[AgentKind],
        repository: RepositoryBuilder,
        environment: Vec<(&'static str, String)>,
    ) -> Result<Self, Fault> {
        for agent in agents {
            codecourier_testkit::template::template_of(*agent).await?;
        }
        let installation = Installation::new().await?;
        let model = ScriptedModel::start_with(Options {
            api_key: Some(REAL_KEY.to_owned()),
            ..Options::default()
        })
        .await?;
        let scene = Scene::before(installation, model, repository)?;
        let server = serve(&scene, None, &environment).await?;
        let mut project = Self {
            scene,
            url: server.url.clone(),
            address: server.address.clone(),
            server: Some(server),
            token: String::new(),
            http: reqwest::Client::builder().no_proxy().build()?,
            person: Person::new()?,
            environment,
        };
        let account = json!({
            "email": "ada@example.org", "name": "Ada", "password": "correct horse battery", "delivery": "token",
        });
        let signed_up = project.ask(Method::POST, "/auth/sign-up", account).await?;
        project.token = text(&signed_up["session"]["token"]);
        project.ask(Method::POST, "/projects", json!({"name": "Shop"})).await?;
        Ok(project)
    }

    /// Does something that works, and gives what came of it.
    pub async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, Fault> {
        let url = format!("{}/api/v1{path}", self.url);
        let request = self.http.request(method, url).bearer_auth(&self.token).json(&body);
        let answer = request.send().await?;
        let status = answer.status();
        let mut answer: Value = serde_json::from_str(&answer.text().await?).unwrap_or_default();
        if !status.is_success() {
            return Err(format!("{path}: {status}: {answer}").into());
        }
        Ok(answer["data"].take())
    }

    /// Saves a workflow.
    pub async fn save_workflow(&self, name: &str, pipeline: Value) -> Result<(), Fault> {
        let path = format!("/projects/shop/workflows/{name}");
        self.ask(Method::PUT, &path, json!({"pipeline": pipeline})).await?;
        Ok(())
    }

    /// Sets the project's instructions.
    pub async fn instruct(&self, instructions: &str) -> Result<(), Fault> {
        let url = format!("{}/api/v1/projects/shop/settings", self.url);
        let seen = self.http.get(&url).bearer_auth(&self.token).send().await?;
        let seen = seen.headers().get("etag").ok_or("settings without an ETag")?.clone();
        let change = self.http.patch(&url).bearer_auth(&self.token).header("if-match", seen);
        let changed = change.json(&json!({"instructions": instructions})).send().await?;
        if !changed.status().is_success() {
            return Err(changed.text().await?.into());
        }
        Ok(())
    }

    /// Starts a run of the project's repository, and gives its identifier.
    pub async fn start(&self, mut request: Value) -> Result<String, Fault> {
        request["repository"] = json!(format!("ssh://git@example.org{}", self.scene.source_path()));
        let started = self.ask(Method::POST, "/projects/shop/runs", request).await?;
        Ok(text(&started["id"]))
    }

    /// Starts a run and follows it to its end.
    pub async fn run(&self, request: Value) -> Result<Followed, Fault> {
        let id = self.start(request).await?;
        let following = self.follow(&id);
        self.ended(id, following).await
    }

    /// Follows a run as a person at a command line does.
    #[must_use]
    pub fn follow(&self, run: &str) -> Begun {
        begin(self.command(&following(run)))
    }

    /// Follows a run until an event of this kind is shown.
    pub async fn until_shown(&self, run: &str, kind: &str) -> Result<(), Fault> {
        let kind = kind.to_owned();
        self.until_event(run, move |event| event["kind"] == kind.as_str()).await
    }

    /// Follows a run until an event that fits is shown.
    pub async fn until_event(&self, run: &str, fits: impl Fn(&Value) -> bool + Send + 'static) -> Result<(), Fault> {
        let mut child = self.command(&following(run)).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("no output to read")?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut lines = io::BufReader::new(stdout).lines().map_while(Result::ok);
            let shown = lines.any(|line| serde_json::from_str::<Value>(&line).is_ok_and(|line| fits(&line["event"])));
            child.kill()?;
            child.wait()?;
            io::Result::Ok(shown)
        });
        if tokio::time::timeout(PATIENCE, reading).await??? {
            Ok(())
        } else {
            Err("the run was followed to its end".into())
        }
    }

    /// `kill -9` for the server, and another one in its place.
    pub async fn kill_and_restart(&mut self) -> Result<(), Fault> {
        if let Some(server) = self.server.take() {
            server.kill()?;
        }
        self.server = Some(serve(&self.scene, Some(&self.address), &self.environment).await?);
        Ok(())
    }

    /// The end of a run that is followed.
    pub async fn ended(&self, id: String, following: Begun) -> Result<Followed, Fault> {
        let shown = following.ended().await?;
        let path = format!("/projects/shop/runs/{id}");
        let detail = self.ask(Method::GET, &path, Value::Null).await?;
        Ok(Followed { id, shown, detail })
    }

    /// A command of `codecourier` in the project, with its answers as JSON.
    #[must_use]
    pub fn says(&self, arguments: &[&str]) -> Begun {
        begin(self.command(&[arguments, &["--json", "--project", "shop"]].concat()))
    }

    /// What a run changed, as a patch.
    pub async fn patch(&self, run: &str) -> Result<String, Fault> {
        Ok(ended(self.command(&["patch", "--project", "shop", run])).await?.stdout)
    }

    /// Ends the server; gives what it stored of its runs, and the scene. Whatever is wrong with a record or was left on
    /// the host is among the faults of the last.
    pub async fn close(self) -> Result<(Scene, Vec<RecordedRun>), Fault> {
        let code = match self.server {
            Some(server) => server.stop().await?,
            None => None,
        };
        let mut runs = recorded_runs(self.scene.installation.data()).await?;
        if let Some(last) = runs.last_mut() {
            last.faults.extend(self.scene.faults());
            if code != Some(0) {
                last.faults.push(format!("the server ended with {code:?}"));
            }
        }
        Ok((self.scene, runs))
    }

    /// The command line of the person whose project it is.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.person.command(arguments);
        command
            .env("CODECOURIER_URL", &self.url)
            .env("CODECOURIER_API_KEY", &self.token);
        command
    }
}

impl Followed {
    /// How it ended, and why, for the message of a test that fails.
    #[must_use]
    pub fn told(&self) -> String {
        let failure = &self.detail["failure"];
        let steps = self.detail["steps"].as_array().into_iter().flatten();
        let steps: Vec<String> = steps
            .map(|step| format!("{} {} {}", step["lane"], step["status"], step["failure"]))
            .collect();
        let lines: Vec<&str> = self.shown.stdout.lines().collect();
        let tail = &lines[lines.len().saturating_sub(60)..];
        format!(
            "{} {} {failure}\n{}\n{}\n{}",
            self.id,
            self.detail["status"],
            steps.join("\n"),
            tail.join("\n"),
            self.shown.stderr
        )
    }

    /// What its tools gave back, one after another.
    #[must_use]
    pub fn output_of_tools(&self) -> String {
        let results = self.shown.events("tool_result");
        let outputs = results.iter().filter_map(|result| result["output"].as_str());
        outputs.collect::<Vec<_>>().join("\n")
    }
}

/// A designer and a checker, each an agent and a model of its own, in a loop.
#[must_use]
pub fn designer_and_checker(designer: (AgentKind, &str), checker: (AgentKind, &str)) -> Value {
    let step = |role: &str, (agent, model): (AgentKind, &str)| json!({"type": "step", "role": role, "agent": agent, "model": model});
    json!([{"type": "loop", "maxIterations": 3, "nodes": [step("designer", designer), step("checker", checker)]}])
}

/// The arguments with which a run is followed.
const fn following(run: &str) -> [&str; 6] {
    ["logs", "-f", "--json", "--project", "shop", run]
}

async fn serve(scene: &Scene, at: Option<&str>, more: &[(&'static str, String)]) -> io::Result<Server> {
    let mut environment = vec![
        ("PATH", reach_repositories(&scene.installation)?),
        ("CODECOURIER_LIMITS_REQUESTS_PER_MINUTE", "1000000".to_owned()),
    ];
    for (key, base_url) in [
        ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
        ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        ("OPENROUTER_API_KEY", "CODECOURIER_MODELS_OPENROUTER_BASE_URL"),
    ] {
        environment.push((key, REAL_KEY.to_owned()));
        environment.push((base_url, scene.model.base_url()));
    }
    environment.extend_from_slice(more);
    let start = Start {
        at,
        environment,
        ..Start::default()
    };
    Server::start(&scene.installation, start).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
