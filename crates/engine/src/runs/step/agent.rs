//! The phases `install` and `agent-cli`: the agent's session, from its files to its last line.
//!
//! A session is one process, or several one after the other where people talk to it: [`super::talk`] gives them what
//! people say. Invariants: a process is started once by its tag, and each follow-up message is sent once by its id, so
//! all of this may be done again after a crash; what the agent wrote becomes events in the order of the bytes, and the journal
//! offset they reach is committed together with them, so nothing is lost and nothing comes twice. What a line is to be
//! answered is sent before the line counts as read, under an id that its place fixes: a line that is read again sends
//! the same again, and the sandbox takes each id once.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use codecourier_agents::claude::subscription::{self, SubscriptionLogin};
use codecourier_agents::session::{GatewayAccess, Knowledge, Prompt, SessionStart, StepToken};
use codecourier_agents::{Agent, Ending, Launch, ParsedLine, SessionSpec};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Durability, Event, Phase, TurnOutcome};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::model_route::ModelRoute;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::role::Role;
use codecourier_domain::usage::Tokens;
use codecourier_sandbox::{
    ExitStatus, FileOwner, GATEWAY_PORT, HOME, JournalStream, PROJECT_DIRECTORY, ProcessSpec, Sandbox, Signal, Stdin,
};

use super::between::Ears;
use super::pictures::Pictures;
use super::talk::last_turn;
use super::tool_pictures::ToolPictures;
use super::{StepContext, StepError, ended, journal, limits, still, verdict};
use crate::error::sentence;
use crate::runs::memo::{AgentProcess, LastTurn, Login, StepMemo, Whose};
use crate::runs::prompt;

/// The tag of the agent's process in its sandbox.
pub(super) const AGENT_TAG: &str = "agent";
/// How long an agent may be silent before it counts as stuck. Longer than the longest command it may run by itself and
/// the longest wait of its own retries.
const SILENCE: Duration = Duration::from_secs(20 * 60);
/// How long an agent has to end by itself once its work is done.
pub(super) const FAREWELL: Duration = Duration::from_secs(10);
/// Clocks may differ by that much about whether a conversation has lasted as long as it may.
const NEARLY: Duration = Duration::from_secs(1);
/// The most an agent may write to its standard output. Above it the sandbox ends the process.
pub(super) const JOURNAL_LIMIT: u64 = 1 << 30;

/// Lets the agent work until its turn is over and its result is valid, or until a person says that it is done.
pub(super) async fn work(context: &StepContext, sandbox: &dyn Sandbox) -> Result<(), StepError> {
    if context.recorder.memo().has_ended(Phase::AgentCli) {
        return Ok(());
    }
    let kind = context.agent();
    let acp = context.spec.acp.as_ref();
    let agent = codecourier_agents::adapter_with(kind, acp.map(|acp| &acp.command)).ok_or_else(|| {
        // Refused when the run was started; but a run may be older than the rule.
        Failure::new(
            FailureClass::AgentProtocol,
            format!("Nothing is configured that starts the agent `{kind}`."),
        )
    })?;
    // Listened to before anything is read: what is said meanwhile is not missed.
    let mut ears = Ears::of(context);
    ears.until_running(sandbox).await?;
    if context.recorder.memo().process().is_none() {
        // Nobody has said anything yet.
        context.begin(Phase::Install).await?;
        context.end(Phase::Install, None);
        let waits = |memo: &mut StepMemo| memo.talk.turn = Whose::Person;
        context.recorder.begin_with(Phase::AgentCli, Vec::new(), waits).await?;
    }
    loop {
        let memo = context.recorder.memo();
        let after = match memo.process() {
            Some(process) if !memo.talk.process_over => {
                let session = start(context, sandbox, agent.as_ref(), &process).await?;
                let mut conversation = Conversation {
                    context,
                    sandbox,
                    agent: agent.as_ref(),
                    session,
                    tag: tag(process.number),
                    process,
                    pictures: ToolPictures::default(),
                    farewell_until: None,
                };
                match conversation.resume().await? {
                    After::Stays => conversation.follow(&mut ears).await?,
                    after => after,
                }
            }
            Some(_) | None => ears.without_process(sandbox, agent.as_ref()).await?,
        };
        match after {
            After::NextProcess | After::Stays => {}
            After::Done => break,
        }
    }
    context.end(Phase::AgentCli, None);
    Ok(())
}

/// How a conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// With the process that there is.
    Stays,
    /// With another process, now or when a person says something.
    NextProcess,
    /// No more.
    Done,
}

/// The tag of a process of the agent in its sandbox.
pub(super) fn tag(number: u32) -> String {
    match number {
        0 | 1 => AGENT_TAG.to_owned(),
        _ => format!("{AGENT_TAG}-{number}"),
    }
}

/// Writes the files of a process and starts it, unless it was started before.
async fn start(
    context: &StepContext,
    sandbox: &dyn Sandbox,
    agent: &dyn Agent,
    process: &AgentProcess,
) -> Result<SessionSpec, StepError> {
    let route = context.route()?;
    let token = context.mint_token(route.provider).await?;
    let mut session = session(context, route, token.clone(), process)?;
    let memo = context.recorder.memo();
    // They belong to the run's prompt, which its first process begins with.
    let pictures = Pictures::of(context).await?;
    if memo.talk.process.is_none() {
        session.prompt.images = pictures.for_agent(context);
    }
    let launch = with_login(context, agent.launch(&session), &token)?;
    let is_installed = memo.has_ended(Phase::Install);
    // The files of a later process may say something else.
    if !is_installed || memo.talk.process.is_some() {
        if !is_installed {
            context.begin(Phase::Install).await?;
            pictures.write(context, sandbox).await?;
        }
        for file in &launch.files {
            let contents = Bytes::from(file.contents.clone());
            sandbox
                .write_file(file.path.as_str(), contents, file.mode, FileOwner::User)
                .await?;
        }
        if !is_installed {
            context.end(Phase::Install, None);
        }
    }
    let said = Event::Prompt {
        text: process.prompt.clone(),
    };
    let works = |memo: &mut StepMemo| memo.talk.turn = Whose::Agent;
    context.recorder.begin_with(Phase::AgentCli, vec![said], works).await?;
    let (command, args) = launch
        .command
        .split_first()
        .ok_or_else(|| Failure::new(FailureClass::Internal, "The adapter gave no command to start."))?;
    sandbox
        .start(ProcessSpec {
            tag: tag(process.number),
            command: command.clone(),
            args: args.to_vec(),
            env: launch.env.clone(),
            cwd: Some(launch.directory.as_str().to_owned()),
            user: FileOwner::User,
            stdin: Stdin::Open {
                initial: Bytes::from(launch.initial_input.clone()),
            },
            journal_limit: Some(JOURNAL_LIMIT),
        })
        .await?;
    Ok(session)
}

/// The launch with the login that the agent is handed, if it is handed one, and with the step's token as what opens the
/// way out for it.
fn with_login(context: &StepContext, launch: Launch, step_token: &str) -> Result<Launch, Failure> {
    let Some(token) = &context.login else {
        return Ok(launch);
    };
    let login = SubscriptionLogin {
        token: token.expose_secret(),
        proxy: format!("http://step:{step_token}@127.0.0.1:{GATEWAY_PORT}"),
        certificates: context.engine.gateway.egress().claude_certificates.as_deref(),
    };
    subscription::with_subscription(launch, &login)
        .map_err(|_| Failure::new(FailureClass::Internal, "The place of the login is not well formed."))
}

/// What the session is to be, from the run's pinned settings.
fn session(
    context: &StepContext,
    route: ModelRoute,
    token: String,
    process: &AgentProcess,
) -> Result<SessionSpec, Failure> {
    let internal = |what: &str| Failure::new(FailureClass::Internal, format!("{what} is not well formed."));
    let plan = &context.plan;
    Ok(SessionSpec {
        // The step's own id names the session, so that a crash can never leave it unknown.
        session: context
            .step
            .uuid()
            .to_string()
            .parse()
            .map_err(|_| internal("The session id"))?,
        start: match &process.resumes {
            Some(handle) => SessionStart::Resume(handle.clone()),
            None => SessionStart::New,
        },
        model: route.name,
        effort: plan.spec.effort.or(context.spec.effort),
        home: HOME.parse().map_err(|_| internal("The home directory"))?,
        workspace: PROJECT_DIRECTORY
            .parse()
            .map_err(|_| internal("The project directory"))?,
        system_prompt: Some(prompt::system_prompt(plan, &context.spec.setup)),
        prompt: Prompt::text(process.prompt.clone()),
        gateway: GatewayAccess {
            provider: route.provider,
            base_url: format!("http://127.0.0.1:{GATEWAY_PORT}/gateway/{}", route.provider),
            token: StepToken::new(token),
        },
        max_turns: None,
        mcp: std::collections::BTreeMap::new(),
        knowledge: Knowledge {
            instructions: context.spec.setup.instructions.clone(),
            ..Knowledge::default()
        },
        env: own_environment(context)
            .chain(context.environment.exposed())
            // Names were checked when they were set, by rules at least as strict.
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.to_owned())))
            .collect(),
    })
}

/// What the agent's own setting puts into its environment. The project's variables win over it.
fn own_environment(context: &StepContext) -> impl Iterator<Item = (&str, &str)> {
    let acp = context.spec.acp.iter().filter(|_| context.agent() == AgentKind::Acp);
    let environment = acp.flat_map(|acp| &acp.environment);
    environment.map(|(name, value)| (name.as_str(), value.as_str()))
}

/// A conversation with an agent whose process was started.
pub(super) struct Conversation<'a> {
    pub(super) context: &'a StepContext,
    pub(super) sandbox: &'a dyn Sandbox,
    pub(super) agent: &'a dyn Agent,
    pub(super) session: SessionSpec,
    pub(super) tag: String,
    pub(super) process: AgentProcess,
    pub(super) pictures: ToolPictures,
    /// Set once the work is done and the agent was told to end: until when it may take its time.
    pub(super) farewell_until: Option<Instant>,
}

impl Conversation<'_> {
    /// Does again what a crash may have cut off: the last message, and the judgement of the last turn.
    async fn resume(&mut self) -> Result<After, StepError> {
        let memo = self.context.recorder.memo();
        if memo.talk.finished {
            self.leave().await?;
            return Ok(After::Stays);
        }
        self.send_pending().await?;
        if memo.asked_again > 0 {
            let problem = memo.last_problem.clone().unwrap_or_default();
            self.send_again(memo.asked_again, &problem).await?;
        }
        match memo.last_turn {
            Some(turn) if memo.turns_ended > memo.turns_before_message && memo.talk.turn == Whose::Nobody => {
                self.turn_ended(&turn).await
            }
            _ => {
                let after = self.deliver().await?;
                self.rest();
                Ok(after)
            }
        }
    }

    /// Whoever only waits takes nobody's place.
    fn rest(&self) {
        if self.context.recorder.look(|memo| memo.talk.turn) == Whose::Person {
            self.context.place.leave();
        }
    }

    /// Reads the agent's output from where it was committed to its end, and gives it what people say.
    async fn follow(&mut self, ears: &mut Ears<'_>) -> Result<After, StepError> {
        let mut failures = self.context.provider_failures();
        let mut limits = failures.clone();
        let mut parser = self.agent.parser_at(&self.session, self.context.recorder.offset());
        let mut output = self
            .sandbox
            .journal(&self.tag, JournalStream::Stdout, self.context.recorder.offset())
            .await?;
        loop {
            let chunk = tokio::select! {
                biased;
                // In a conversation it is for the person to mend it: the turn ends, and nothing else.
                failure = failures.fatal(), if !self.is_interactive() => {
                    self.sandbox.signal(&self.tag, Signal::Kill).await.ok();
                    return Err(failure.into());
                }
                limit = limits.limited() => {
                    limits::wait(self.context, self.sandbox, limit).await?;
                    continue;
                }
                () = ears.woken() => {
                    if still::settle(self.context, self.sandbox).await? {
                        continue;
                    }
                    self.send_pending().await?;
                    match self.deliver().await? {
                        After::Stays => continue,
                        after => return Ok(after),
                    }
                }
                chunk = tokio::time::timeout(self.patience(), output.next()) => chunk,
            };
            match chunk {
                Ok(Some(chunk)) => {
                    let lines = parser.feed(&chunk?);
                    match self.take(lines, parser.offset()).await? {
                        After::Stays => {}
                        after => return Ok(after),
                    }
                }
                Ok(None) => {
                    let last = parser.finish();
                    return match self.take(last.into_iter().collect(), parser.offset()).await? {
                        After::Stays => self.process_ended().await,
                        after => Ok(after),
                    };
                }
                Err(_) => self.is_out_of_patience().await?,
            }
        }
    }

    /// How long to wait for the next piece of output.
    fn patience(&self) -> Duration {
        if let Some(until) = self.farewell_until {
            return until.saturating_duration_since(Instant::now());
        }
        let silence = match self.context.recorder.look(|memo| memo.talk.turn) {
            // It waits, and so does everybody.
            Whose::Person => Duration::MAX,
            Whose::Agent | Whose::Nobody => SILENCE,
        };
        silence.min(self.time_left().unwrap_or(Duration::MAX))
    }

    /// Nothing came for as long as it may take.
    async fn is_out_of_patience(&mut self) -> Result<(), StepError> {
        if self.farewell_until.is_some() {
            // It said its last word and stays: that is no failure of the work.
            unless_over(self.sandbox.signal(&self.tag, Signal::Kill).await)?;
            self.farewell_until = Some(Instant::now() + FAREWELL);
            return Ok(());
        }
        if still::settle(self.context, self.sandbox).await? {
            return Ok(());
        }
        if self.time_left().is_some_and(|left| left < NEARLY) {
            return self.time_is_over().await;
        }
        self.sandbox.signal(&self.tag, Signal::Kill).await.ok();
        let minutes = SILENCE.as_secs() / 60;
        Err(Failure::new(
            FailureClass::Stuck,
            format!("The agent gave no sign of life for {minutes} minutes and was ended."),
        )
        .into())
    }

    /// What the agent says it used, where the gateway does not see it.
    fn reports(&self, events: &[Event]) -> Vec<(Tokens, Option<MicroUsd>)> {
        let report = |event: &Event| match event {
            Event::UsageReported { tokens, cost } => Some((*tokens, *cost)),
            _ => None,
        };
        match self.context.login_kind() {
            Login::Subscription => events.iter().filter_map(report).collect(),
            Login::Gateway => Vec::new(),
        }
    }

    /// Answers lines, commits their events, shows what is not stored, and acts on turns that ended.
    async fn take(&mut self, mut lines: Vec<ParsedLine>, offset: u64) -> Result<After, StepError> {
        if lines.is_empty() {
            return Ok(After::Stays);
        }
        for reply in lines.iter().flat_map(|line| &line.replies) {
            let bytes = Bytes::from(reply.bytes.clone());
            unless_over(self.sandbox.send_input(&self.tag, &reply.id, bytes).await)?;
        }
        let handle = lines.iter().rev().find_map(|line| line.handle.clone());
        if lines.iter().flat_map(|line| &line.events).any(is_work) {
            self.works().await;
        }
        self.pictures.keep(self.context, &mut lines).await?;
        let (durable, transient): (Vec<Event>, Vec<Event>) = lines
            .into_iter()
            .flat_map(|line| line.events)
            .map(|event| self.pictures.told(event))
            .partition(|event| event.durability() == Durability::Durable);
        for event in transient {
            self.context.recorder.show(event);
        }
        if self.process.resumes.is_some() && durable.iter().any(|event| self.agent.is_unknown_session(event)) {
            return self.begin_anew().await;
        }
        let is_new_handle = handle.is_some() && self.context.recorder.look(|memo| memo.handle != handle);
        if durable.is_empty() && !is_new_handle {
            // Pieces of what comes again whole need no place in the log. The position stays behind them.
            return Ok(After::Stays);
        }
        let turns: Vec<LastTurn> = durable.iter().filter_map(last_turn).collect();
        let reports = self.reports(&durable);
        if turns.is_empty() && reports.is_empty() && !is_new_handle {
            self.context.recorder.record_plain_output(durable, offset).await?;
            return Ok(After::Stays);
        }
        let is_interactive = self.is_interactive();
        self.context
            .recorder
            .record_output(durable, offset, |memo| {
                for (tokens, cost) in reports {
                    memo.reported.get_or_insert_default().add(tokens, cost);
                }
                memo.handle = handle.or_else(|| memo.handle.take());
                for turn in &turns {
                    memo.turns_ended += 1;
                    memo.last_turn = Some(turn.clone());
                    // However the agent names the end of a turn that a person cut off: they say what comes next.
                    memo.talk.turn = if is_interactive || memo.talk.interrupted {
                        Whose::Person
                    } else {
                        Whose::Nobody
                    };
                }
            })
            .await?;
        for turn in turns {
            match self.turn_ended(&turn).await? {
                After::Stays => {}
                after => return Ok(after),
            }
        }
        if is_new_handle {
            // An interruption may have waited for the name of what it interrupts.
            return self.deliver().await;
        }
        Ok(After::Stays)
    }

    /// Decides what a turn's end means.
    async fn turn_ended(&mut self, turn: &LastTurn) -> Result<After, StepError> {
        // What people have said meanwhile comes before the end.
        let after = self.deliver().await?;
        if after != After::Stays || self.farewell_until.is_some() {
            return Ok(after);
        }
        match self.context.recorder.look(|memo| memo.talk.turn) {
            Whose::Nobody => {}
            Whose::Agent => return Ok(After::Stays),
            Whose::Person => {
                self.rest();
                return Ok(After::Stays);
            }
        }
        if turn.outcome != TurnOutcome::Completed {
            return Err(self.turn_failure(turn).into());
        }
        if self.context.plan.spec.role == Role::Checker && self.context.recorder.memo().verdict.is_none() {
            match verdict::read(self.sandbox, self.context, &turn.final_text).await? {
                verdict::Reading::Valid => {}
                verdict::Reading::AskAgain { attempt, problem } => {
                    self.send_again(attempt, &problem).await?;
                    return Ok(After::Stays);
                }
            }
        }
        self.leave().await?;
        Ok(After::Stays)
    }

    /// Has the process end by itself, as its kind does.
    pub(super) async fn leave(&mut self) -> Result<(), StepError> {
        self.farewell_until = Some(Instant::now() + FAREWELL);
        unless_over(match self.agent.ending() {
            Ending::CloseInput => self.sandbox.close_stdin(&self.tag).await,
            Ending::Terminate => self.sandbox.signal(&self.tag, Signal::Terminate).await,
        })
    }

    /// Sends the question for the structured result. The same attempt is sent once, however often this is called.
    async fn send_again(&self, attempt: u32, problem: &str) -> Result<(), StepError> {
        let id = format!("ask-again-{attempt}");
        let message = self
            .agent
            .user_message(&self.handle(), &Prompt::text(prompt::ask_again(problem)), &id);
        // Unless it has answered already, and this is done once more after a crash.
        let memo = self.context.recorder.memo();
        if memo.turns_ended == memo.turns_before_message {
            let works = |memo: &mut StepMemo| memo.talk.turn = Whose::Agent;
            self.context.recorder.note(Vec::new(), works);
        }
        unless_over(self.sandbox.send_input(&self.tag, &id, Bytes::from(message)).await)
    }

    /// The failure of a turn that did not complete: the gateway knows more than the agent about the provider.
    fn turn_failure(&self, turn: &LastTurn) -> Failure {
        let words = turn.error.clone().unwrap_or_else(|| turn.final_text.clone());
        let class = match turn.outcome {
            TurnOutcome::ProviderError | TurnOutcome::ContextOverflow => {
                if let Some(failure) = self.context.provider_failures().last() {
                    return failure;
                }
                match turn.status {
                    Some(401 | 403) => FailureClass::ProviderAuth,
                    // The gateway's own refusal, told to the server before this one.
                    Some(402) => FailureClass::Budget,
                    Some(429) => FailureClass::ProviderRateLimit,
                    Some(500..=599) => FailureClass::ProviderOverload,
                    Some(_) => FailureClass::ProviderRequest,
                    None => FailureClass::ProviderUnreachable,
                }
            }
            TurnOutcome::TurnLimit => FailureClass::Stuck,
            TurnOutcome::BudgetLimit => FailureClass::Budget,
            TurnOutcome::Refused => FailureClass::ProviderRequest,
            TurnOutcome::Interrupted | TurnOutcome::Crashed | TurnOutcome::Completed => FailureClass::AgentProtocol,
        };
        Failure::new(
            class,
            sentence(&format!("The agent's turn ended early. It says: {words}")),
        )
    }

    /// The agent's process is over: takes its standard error, and finds out whether that was the right time.
    async fn process_ended(&mut self) -> Result<After, StepError> {
        let exit = self.sandbox.wait(&self.tag).await?;
        let stderr = journal::stderr(self.context, self.sandbox, &self.tag).await;
        if !self.context.recorder.memo().stderr_taken {
            let lines = stderr.lines().take(200).map(|line| Event::AgentStderr {
                line: line.chars().take(2_000).collect(),
            });
            let taken = |memo: &mut StepMemo| memo.stderr_taken = true;
            self.context.recorder.note(lines.collect(), taken);
        }
        let tail: Vec<&str> = stderr.lines().rev().take(3).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join(" / ");
        let has_sandbox = !matches!(exit.status, ExitStatus::SandboxEnded(_));
        let is_done = self.farewell_until.is_some();
        if has_sandbox && !is_done && self.goes_on() {
            return self.process_lost(&exit.status, &tail).await;
        }
        journal::keep(self.context, self.sandbox, self.process.number).await?;
        if has_sandbox && is_done {
            return Ok(After::Done);
        }
        Err(ended::classify(&exit.status, &tail).into())
    }
}

/// Whether an event shows that the agent works on a turn.
const fn is_work(event: &Event) -> bool {
    matches!(
        event,
        Event::Text { .. } | Event::Thinking { .. } | Event::ToolCall { .. } | Event::PermissionAsked { .. }
    )
}

/// A process that has ended cannot be told anything, which is no failure of the step: the end of its output says what
/// its end meant.
pub(super) fn unless_over(told: Result<(), codecourier_sandbox::Error>) -> Result<(), StepError> {
    use codecourier_sandbox::Error;
    match told {
        Ok(()) | Err(Error::Refused { .. } | Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
