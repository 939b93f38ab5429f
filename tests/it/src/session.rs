//! A session of an agent without a run around it: the adapter, the real CLI, a real sandbox, the gateway, and a model with
//! a script. For what an agent can do that a run does not ask of it yet, and for what goes wrong between the two.
//!
//! Invariant: everything that goes in is the adapter's, in the order and under the ids that the engine would use; what
//! comes out is what the adapter reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codecourier_agents::parse::Parser;
use codecourier_agents::session::{
    Executable, GatewayAccess, Knowledge, McpServer, Prompt, SessionStart, Skill, SkillFile, StepToken,
};
use codecourier_agents::{Agent, Ending, SessionHandle, SessionSpec, adapter};
use codecourier_domain::agent::{AgentKind, Effort};
use codecourier_domain::event::Event;
use codecourier_domain::id::{SandboxId, StepId};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::model_route;
use codecourier_gateway as gateway;
use codecourier_sandbox::ns::{NsBackend, NsConfig};
use codecourier_sandbox::{
    Backend as _, Degraded, Exit, FileOwner, GATEWAY_PORT, HOME, JournalStream, Network, PROJECT_DIRECTORY,
    ProcessSpec, Sandbox, SandboxSpec, Signal, Stdin,
};
use codecourier_testkit::scripted_model::{Options, ScriptedModel};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::compare::Fault;
use crate::project::REAL_KEY;
pub use crate::session_gateway::Complaints;
use crate::session_gateway::{gateway_to, grant};

/// How long an agent may take to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// The words of the instructions that every session has.
pub const INSTRUCTIONS: &str = "Keep changes as small as they can be.";
/// The rules that every session has.
pub const RULES: &str = "You are here to be looked at.";
/// The words of the skill `review`.
pub const SKILL: &str = "Look twice before you speak.";

/// A server with one tool, which says back what it is told.
const MCP_SERVER: &str = r#"
import json, sys
tool = {"name": "echo", "description": "Says it back.", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
for line in sys.stdin:
    asked = json.loads(line)
    method, answer = asked.get("method"), None
    if method == "initialize":
        answer = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "platform", "version": "1"}}
    elif method == "tools/list":
        answer = {"tools": [tool]}
    elif method == "tools/call":
        answer = {"content": [{"type": "text", "text": "echoed " + asked["params"]["arguments"]["text"]}]}
    elif method == "ping":
        answer = {}
    if "id" in asked:
        reply = {"jsonrpc": "2.0", "id": asked["id"]}
        if answer is None:
            reply["error"] = {"code": -32601, "message": "not here"}
        else:
            reply["result"] = answer
        print(json.dumps(reply), flush=True)
"#;

/// Spoils the output, and becomes the agent.
const SPOIL: &str = r#"printf 'garbage\n{"type": \n[1,\377\n'; exec "$0" "$@""#;

/// How a session is to be.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The model, by the name that people use.
    pub model: String,
    /// The first message.
    pub prompt: Prompt,
    /// What is between the agent and the model.
    pub way: Way,
    /// A command that runs as root in the sandbox from before the agent starts to the end.
    pub beside: Option<String>,
    /// What is on the agent's standard output before the agent begins.
    pub output: Output,
}

/// What is on an agent's standard output before the agent begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    Clean,
    /// Lines of the word `garbage`, of half a message, and of bytes that are no text.
    Spoilt,
}

/// What is between the agent and the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The gateway. It is impatient: a provider that says nothing for two seconds is given up.
    Gateway,
    /// Nothing: the model sees every request as it was made, also those that the gateway would refuse.
    Open,
}

/// A session under way.
pub struct Session {
    /// The model.
    pub model: ScriptedModel,
    /// The sandbox.
    pub sandbox: Arc<dyn Sandbox>,
    /// What the gateway complained of, in order.
    pub complaints: Arc<Complaints>,
    agent: Box<dyn Agent>,
    spec: SessionSpec,
    garbage: Output,
    tag: String,
    processes: u32,
    messages: u32,
    handle: SessionHandle,
    parser: Box<dyn Parser>,
    output: BoxStream<'static, Result<Bytes, codecourier_sandbox::Error>>,
    /// Events that were read and not yet asked for.
    pending: std::collections::VecDeque<Event>,
    backend: NsBackend,
    until: CancellationToken,
    serving: JoinSet<()>,
    _data: tempfile::TempDir,
}

impl Wishes {
    /// A session with this script.
    #[must_use]
    pub fn script(agent: AgentKind, script: &str) -> Self {
        Self {
            model: model_route::default_model(agent).to_owned(),
            prompt: Prompt::text(script),
            way: Way::Gateway,
            beside: None,
            output: Output::Clean,
        }
    }
}

impl Session {
    /// Begins one.
    pub async fn begin(kind: AgentKind, wishes: Wishes) -> Result<Self, Fault> {
        let template = codecourier_testkit::template::template_of(kind).await?;
        let model = ScriptedModel::start_with(Options {
            api_key: (wishes.way == Way::Gateway).then(|| REAL_KEY.to_owned()),
            ..Options::default()
        })
        .await?;
        let data = tempfile::Builder::new().prefix("codecourier-session-").tempdir()?;
        let backend = NsBackend::open(NsConfig::new(data.path()))?;
        let sandbox = backend
            .create(SandboxSpec {
                id: SandboxId::from_uuid(Uuid::now_v7()),
                layers: template.layers,
                limits: SandboxLimits::DEFAULT,
                env: Vec::new(),
                hostname: "codecourier".to_owned(),
                degraded: Degraded::Refuse,
                network: Network::GatewayOnly,
            })
            .await?;
        let step = StepId::from_uuid(Uuid::now_v7());
        let token = gateway::StepToken::from_random(&rand::random());
        let route = model_route::route(kind, &wishes.model.parse()?)?;
        let complaints = Arc::new(Complaints::default());
        let until = CancellationToken::new();
        let mut serving = JoinSet::new();
        let listener = sandbox.gateway_listener().await?;
        match wishes.way {
            Way::Gateway => {
                let tokens = gateway::MemoryStepTokens::default();
                tokens.grant(&token, grant(step, route.provider.to_string().parse()?));
                let gateway = gateway_to(&model, tokens, Arc::clone(&complaints))?;
                let until = until.clone();
                serving.spawn(async move { gateway.serve_step(step, listener, until).await });
            }
            Way::Open => {
                let address = model.address();
                serving.spawn(async move {
                    let mut connections = JoinSet::new();
                    while let Ok((mut inside, _)) = listener.accept().await {
                        connections.spawn(async move {
                            let mut outside = TcpStream::connect(address).await?;
                            tokio::io::copy_bidirectional(&mut inside, &mut outside).await
                        });
                    }
                });
            }
        }
        if let Some(command) = wishes.beside {
            let process = ProcessSpec {
                user: FileOwner::Root,
                ..ProcessSpec::shell("beside", command)
            };
            sandbox.start(process).await?;
        }
        let repository = "cd /home/user/project && git init -q && git commit -q --allow-empty -m first";
        let identity =
            "git config --global user.email a@example.org; git config --global user.name A; mkdir -p project";
        let prepared = ProcessSpec::shell("prepare", format!("{identity}; {repository}"));
        sandbox.run(prepared, 1 << 16).await?;
        let server = Bytes::from_static(MCP_SERVER.as_bytes());
        sandbox
            .write_file("/home/user/mcp.py", server, 0o644, FileOwner::User)
            .await?;
        let spec = SessionSpec {
            session: Uuid::now_v7().to_string().parse()?,
            start: SessionStart::New,
            model: route.name,
            effort: Some(Effort::High),
            home: HOME.parse()?,
            workspace: PROJECT_DIRECTORY.parse()?,
            system_prompt: Some(RULES.to_owned()),
            prompt: wishes.prompt,
            gateway: GatewayAccess {
                provider: route.provider,
                base_url: format!("http://127.0.0.1:{GATEWAY_PORT}/gateway/{}", route.provider),
                token: StepToken::new(token.expose()),
            },
            max_turns: None,
            mcp: BTreeMap::from([("platform".parse()?, mcp_server())]),
            knowledge: knowledge()?,
            env: BTreeMap::new(),
        };
        let agent = adapter(kind).ok_or("there is no adapter")?;
        let mut session = Self {
            model,
            complaints,
            handle: SessionHandle::of(&spec.session),
            parser: agent.parser(&spec),
            output: futures::stream::empty().boxed(),
            agent,
            spec,
            sandbox,
            garbage: wishes.output,
            tag: String::new(),
            processes: 0,
            messages: 0,
            pending: std::collections::VecDeque::new(),
            backend,
            until,
            serving,
            _data: data,
        };
        session.start().await?;
        Ok(session)
    }

    /// The events up to and with the first that is wanted. The end of the output before it is a fault.
    pub async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Result<Vec<Event>, Fault> {
        let mut seen = Vec::new();
        loop {
            while let Some(event) = self.pending.pop_front() {
                let is_it = wanted(&event);
                seen.push(event);
                if is_it {
                    return Ok(seen);
                }
            }
            let more = tokio::time::timeout(PATIENCE, self.read()).await;
            if !more.map_err(|_| format!("nothing more came after {seen:#?}"))?? {
                let stderr = self.standard_error().await;
                return Err(format!("the output ended after {seen:#?}\n{stderr}").into());
            }
        }
    }

    /// The events of a turn, its end included.
    pub async fn turn(&mut self) -> Result<Vec<Event>, Fault> {
        self.until(|event| matches!(event, Event::TurnEnded { .. })).await
    }

    /// Everything up to the end of the process, and how it ended.
    pub async fn rest(&mut self) -> Result<(Vec<Event>, Exit), Fault> {
        while tokio::time::timeout(PATIENCE, self.read()).await?? {}
        let exit = self.sandbox.wait(&self.tag).await?;
        Ok((self.pending.drain(..).collect(), exit))
    }

    /// Sends a further message.
    pub async fn say(&mut self, prompt: &Prompt) -> Result<(), Fault> {
        self.messages += 1;
        let id = format!("message-{}", self.messages);
        let bytes = self.agent.user_message(&self.handle, prompt, &id);
        self.sandbox.send_input(&self.tag, &id, Bytes::from(bytes)).await?;
        Ok(())
    }

    /// Sends a further message, and gives the events of its turn.
    pub async fn ask(&mut self, script: &str) -> Result<Vec<Event>, Fault> {
        self.say(&Prompt::text(script)).await?;
        self.turn().await
    }

    /// Interrupts the turn.
    pub async fn interrupt(&mut self) -> Result<(), Fault> {
        self.messages += 1;
        let id = format!("interrupt-{}", self.messages);
        let bytes = self.agent.interrupt(&self.handle, &id).ok_or("there is no turn")?;
        self.sandbox.send_input(&self.tag, &id, Bytes::from(bytes)).await?;
        Ok(())
    }

    /// Sends a signal to the agent.
    pub async fn signal(&self, signal: Signal) -> Result<(), Fault> {
        Ok(self.sandbox.signal(&self.tag, signal).await?)
    }

    /// Ends the process in the adapter's way; gives how it ended.
    pub async fn end_process(&mut self) -> Result<Exit, Fault> {
        match self.agent.ending() {
            Ending::CloseInput => self.sandbox.close_stdin(&self.tag).await?,
            Ending::Terminate => self.sandbox.signal(&self.tag, Signal::Terminate).await?,
        }
        Ok(self.rest().await?.1)
    }

    /// Goes on with the session in a new process.
    pub async fn resume(&mut self, script: &str) -> Result<(), Fault> {
        self.spec.start = SessionStart::Resume(SessionHandle {
            turn: None,
            ..self.handle.clone()
        });
        self.spec.prompt = Prompt::text(script);
        self.start().await
    }

    /// Runs a line of shell in the sandbox as root, and gives what it wrote.
    pub async fn shell(&mut self, line: &str) -> Result<String, Fault> {
        self.processes += 1;
        let process = ProcessSpec {
            user: FileOwner::Root,
            ..ProcessSpec::shell(format!("shell-{}", self.processes), line)
        };
        let output = self.sandbox.run(process, 1 << 20).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Everything that the model was asked so far, as text.
    #[must_use]
    pub fn asked(&self) -> String {
        let requests = self.model.requests();
        let bodies = requests.iter().map(|request| String::from_utf8_lossy(&request.body));
        bodies.collect::<Vec<_>>().join("\n")
    }

    /// The last thing that the model was asked, as text.
    #[must_use]
    pub fn last_asked(&self) -> String {
        let requests = self.model.requests();
        let last = requests.last();
        last.map(|request| String::from_utf8_lossy(&request.body).into_owned())
            .unwrap_or_default()
    }

    /// Ends everything; gives how many processes outlived it.
    pub async fn close(mut self) -> Result<(), Fault> {
        let destroyed = self.backend.destroy(self.sandbox.id()).await?;
        self.until.cancel();
        self.serving.shutdown().await;
        self.backend.settle().await;
        if destroyed.survivors > 0 || !self.backend.leftovers().is_empty() {
            return Err(format!("left: {destroyed:?}, {:?}", self.backend.leftovers()).into());
        }
        Ok(())
    }

    async fn start(&mut self) -> Result<(), Fault> {
        let launch = self.agent.launch(&self.spec);
        for file in &launch.files {
            let contents = Bytes::from(file.contents.clone());
            self.sandbox
                .write_file(file.path.as_str(), contents, file.mode, FileOwner::User)
                .await?;
        }
        self.processes += 1;
        self.tag = format!("agent-{}", self.processes);
        let command = match self.garbage {
            Output::Clean => launch.command,
            Output::Spoilt => [
                vec!["/bin/sh".to_owned(), "-c".to_owned(), SPOIL.to_owned()],
                launch.command,
            ]
            .concat(),
        };
        let (command, args) = command.split_first().ok_or("there is no command")?;
        self.sandbox
            .start(ProcessSpec {
                tag: self.tag.clone(),
                command: command.clone(),
                args: args.to_vec(),
                env: launch.env,
                cwd: Some(launch.directory.as_str().to_owned()),
                user: FileOwner::User,
                stdin: Stdin::Open {
                    initial: Bytes::from(launch.initial_input),
                },
                journal_limit: None,
            })
            .await?;
        self.parser = self.agent.parser(&self.spec);
        self.output = self.sandbox.journal(&self.tag, JournalStream::Stdout, 0).await?;
        Ok(())
    }

    /// Reads a piece of the output; false at its end.
    async fn read(&mut self) -> Result<bool, Fault> {
        let piece = self.output.next().await.transpose()?;
        let lines = match &piece {
            Some(piece) => self.parser.feed(piece),
            None => self.parser.finish().into_iter().collect(),
        };
        for line in lines {
            for reply in line.replies {
                // A process that has ended cannot be told anything.
                let _ = self
                    .sandbox
                    .send_input(&self.tag, &reply.id, Bytes::from(reply.bytes))
                    .await;
            }
            if let Some(handle) = line.handle {
                self.handle = handle;
            }
            self.pending.extend(line.events);
        }
        Ok(piece.is_some())
    }

    async fn standard_error(&self) -> String {
        let mut text = String::new();
        if let Ok(mut output) = self.sandbox.journal(&self.tag, JournalStream::Stderr, 0).await {
            while let Some(Ok(piece)) = output.next().await {
                text.push_str(&String::from_utf8_lossy(&piece));
            }
        }
        text
    }
}

fn mcp_server() -> McpServer {
    McpServer::Stdio {
        command: "/usr/bin/python3".to_owned(),
        args: vec!["/home/user/mcp.py".to_owned()],
        env: BTreeMap::new(),
    }
}

fn knowledge() -> Result<Knowledge, Fault> {
    let skill = format!("---\nname: review\ndescription: How a review is done here.\n---\n{SKILL}\n");
    let file = SkillFile {
        contents: skill.into_bytes(),
        executable: Executable::No,
    };
    let skill = Skill {
        files: BTreeMap::from([("SKILL.md".parse()?, file)]),
    };
    let command = "---\ndescription: Ships it.\n---\nShip the $ARGUMENTS today.\n\n@@say Shipped.\n";
    Ok(Knowledge {
        instructions: Some(INSTRUCTIONS.to_owned()),
        skills: BTreeMap::from([("review".parse()?, skill)]),
        commands: BTreeMap::from([("ship".parse()?, command.to_owned())]),
    })
}
