//! The phases `install` and `agent-cli`: the agent's session, from its files to its last line.
//!
//! Invariants: the process is started once by its tag, and each follow-up message is sent once by its id, so all of
//! this may be done again after a crash; what the agent wrote becomes events in the order of the bytes, and the journal
//! offset they reach is committed together with them, so nothing is lost and nothing comes twice. What a line is to be
//! answered is sent before the line counts as read, under an id that its place fixes: a line that is read again sends
//! the same again, and the sandbox takes each id once.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use codecourier_agents::session::{GatewayAccess, Knowledge, Prompt, SessionStart, StepToken};
use codecourier_agents::{Agent, Ending, ParsedLine, SessionHandle, SessionSpec};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Durability, Event, Phase, TurnOutcome};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::model_route::ModelRoute;
use codecourier_domain::role::Role;
use codecourier_sandbox::{
    ExitStatus, FileOwner, GATEWAY_PORT, HOME, JournalStream, PROJECT_DIRECTORY, ProcessSpec, Sandbox, Signal, Stdin,
};

use super::pictures::Pictures;
use super::{StepContext, StepError, ended, limits, verdict};
use crate::error::chain;
use crate::error::sentence;
use crate::runs::memo::{LastTurn, StepMemo};
use crate::runs::prompt;
use crate::variables::StreamRedactor;

/// The tag of the agent's process in its sandbox.
pub(super) const AGENT_TAG: &str = "agent";
/// How long an agent may be silent before it counts as stuck. Longer than the longest command it may run by itself and
/// the longest wait of its own retries.
const SILENCE: Duration = Duration::from_secs(20 * 60);
/// How long an agent has to end by itself once its work is done.
const FAREWELL: Duration = Duration::from_secs(10);
/// The most an agent may write to its standard output. Above it the sandbox ends the process.
const JOURNAL_LIMIT: u64 = 1 << 30;
/// How much of its standard error is kept.
const STDERR_LIMIT: usize = 16 * 1024;

/// Lets the agent work until its turn is over and its result is valid.
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
    let route = context.route()?;
    let token = context.mint_token(route.provider).await?;
    let pictures = Pictures::of(context).await?;
    let mut session = session(context, route, token)?;
    session.prompt.images = pictures.for_agent(context);
    let launch = agent.launch(&session);

    if !context.recorder.memo().has_ended(Phase::Install) {
        context.begin(Phase::Install).await?;
        pictures.write(context, sandbox).await?;
        for file in &launch.files {
            let contents = Bytes::from(file.contents.clone());
            sandbox
                .write_file(file.path.as_str(), contents, file.mode, FileOwner::User)
                .await?;
        }
        context.end(Phase::Install, None);
    }

    let said = Event::Prompt {
        text: context.recorder.memo().prompt,
    };
    context.recorder.begin(Phase::AgentCli, vec![said]).await?;
    let (command, args) = launch
        .command
        .split_first()
        .ok_or_else(|| Failure::new(FailureClass::Internal, "The adapter gave no command to start."))?;
    sandbox
        .start(ProcessSpec {
            tag: AGENT_TAG.to_owned(),
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
    let mut conversation = Conversation {
        context,
        sandbox,
        agent: agent.as_ref(),
        session,
        farewell_until: None,
    };
    conversation.resume().await?;
    conversation.follow().await?;
    context.end(Phase::AgentCli, None);
    Ok(())
}

/// What the session is to be, from the run's pinned settings.
fn session(context: &StepContext, route: ModelRoute, token: String) -> Result<SessionSpec, Failure> {
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
        start: SessionStart::New,
        model: route.name,
        effort: plan.spec.effort.or(context.spec.effort),
        home: HOME.parse().map_err(|_| internal("The home directory"))?,
        workspace: PROJECT_DIRECTORY
            .parse()
            .map_err(|_| internal("The project directory"))?,
        system_prompt: Some(prompt::system_prompt(plan, &context.spec.setup)),
        prompt: Prompt::text(context.recorder.memo().prompt.clone()),
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
struct Conversation<'a> {
    context: &'a StepContext,
    sandbox: &'a dyn Sandbox,
    agent: &'a dyn Agent,
    session: SessionSpec,
    /// Set once the result is valid and the agent was told to end: until when it may take its time.
    farewell_until: Option<Instant>,
}

impl Conversation<'_> {
    /// Does again what a crash may have cut off: the last follow-up message, and the judgement of the last turn.
    async fn resume(&mut self) -> Result<(), StepError> {
        let memo = self.context.recorder.memo();
        if memo.asked_again > 0 {
            let problem = memo.last_problem.clone().unwrap_or_default();
            self.send_again(memo.asked_again, &problem).await?;
        }
        match memo.last_turn {
            Some(turn) if memo.turns_ended > memo.turns_before_message => self.turn_ended(&turn).await,
            _ => Ok(()),
        }
    }

    /// Reads the agent's output from where it was committed to its end.
    async fn follow(&mut self) -> Result<(), StepError> {
        let mut failures = self.context.provider_failures();
        let mut limits = failures.clone();
        let mut parser = self.agent.parser_at(&self.session, self.context.recorder.offset());
        let mut output = self
            .sandbox
            .journal(AGENT_TAG, JournalStream::Stdout, self.context.recorder.offset())
            .await?;
        loop {
            let patience = self
                .farewell_until
                .map_or(SILENCE, |until| until.saturating_duration_since(Instant::now()));
            let chunk = tokio::select! {
                biased;
                failure = failures.fatal() => {
                    self.sandbox.signal(AGENT_TAG, Signal::Kill).await.ok();
                    return Err(failure.into());
                }
                limit = limits.limited() => {
                    limits::wait(self.context, self.sandbox, limit).await?;
                    continue;
                }
                chunk = tokio::time::timeout(patience, output.next()) => chunk,
            };
            match chunk {
                Ok(Some(chunk)) => {
                    let lines = parser.feed(&chunk?);
                    self.take(lines, parser.offset()).await?;
                }
                Ok(None) => {
                    let last = parser.finish();
                    self.take(last.into_iter().collect(), parser.offset()).await?;
                    return self.process_ended().await;
                }
                Err(_) if self.farewell_until.is_some() => {
                    // It said its last word and stays: that is no failure of the work.
                    unless_over(self.sandbox.signal(AGENT_TAG, Signal::Kill).await)?;
                    self.farewell_until = Some(Instant::now() + FAREWELL);
                }
                Err(_) => {
                    self.sandbox.signal(AGENT_TAG, Signal::Kill).await.ok();
                    let minutes = SILENCE.as_secs() / 60;
                    return Err(Failure::new(
                        FailureClass::Stuck,
                        format!("The agent gave no sign of life for {minutes} minutes and was ended."),
                    )
                    .into());
                }
            }
        }
    }

    /// Answers lines, commits their events, shows what is not stored, and acts on turns that ended.
    async fn take(&mut self, lines: Vec<ParsedLine>, offset: u64) -> Result<(), StepError> {
        if lines.is_empty() {
            return Ok(());
        }
        for reply in lines.iter().flat_map(|line| &line.replies) {
            let bytes = Bytes::from(reply.bytes.clone());
            unless_over(self.sandbox.send_input(AGENT_TAG, &reply.id, bytes).await)?;
        }
        let handle = lines.iter().rev().find_map(|line| line.handle.clone());
        let (durable, transient): (Vec<Event>, Vec<Event>) = lines
            .into_iter()
            .flat_map(|line| line.events)
            .partition(|event| event.durability() == Durability::Durable);
        for event in transient {
            self.context.recorder.show(event);
        }
        let is_new_handle = handle.is_some() && handle != self.context.recorder.memo().handle;
        if durable.is_empty() && !is_new_handle {
            // Pieces of what comes again whole need no place in the log. The position stays behind them.
            return Ok(());
        }
        let turns: Vec<LastTurn> = durable.iter().filter_map(last_turn).collect();
        self.context
            .recorder
            .record_output(durable, offset, |memo| {
                memo.handle = handle.or_else(|| memo.handle.take());
                for turn in &turns {
                    memo.turns_ended += 1;
                    memo.last_turn = Some(turn.clone());
                }
            })
            .await?;
        for turn in turns {
            self.turn_ended(&turn).await?;
        }
        Ok(())
    }

    /// Decides what a turn's end means.
    async fn turn_ended(&mut self, turn: &LastTurn) -> Result<(), StepError> {
        if turn.outcome != TurnOutcome::Completed {
            return Err(self.turn_failure(turn).into());
        }
        if self.context.plan.spec.role == Role::Checker && self.context.recorder.memo().verdict.is_none() {
            match verdict::read(self.sandbox, self.context, &turn.final_text).await? {
                verdict::Reading::Valid => {}
                verdict::Reading::AskAgain { attempt, problem } => return self.send_again(attempt, &problem).await,
            }
        }
        self.farewell_until = Some(Instant::now() + FAREWELL);
        unless_over(match self.agent.ending() {
            Ending::CloseInput => self.sandbox.close_stdin(AGENT_TAG).await,
            Ending::Terminate => self.sandbox.signal(AGENT_TAG, Signal::Terminate).await,
        })
    }

    /// Sends the question for the structured result. The same attempt is sent once, however often this is called.
    async fn send_again(&self, attempt: u32, problem: &str) -> Result<(), StepError> {
        let id = format!("ask-again-{attempt}");
        let handle = self.context.recorder.memo().handle;
        let handle = handle.unwrap_or_else(|| SessionHandle::of(&self.session.session));
        let message = self
            .agent
            .user_message(&handle, &Prompt::text(prompt::ask_again(problem)), &id);
        unless_over(self.sandbox.send_input(AGENT_TAG, &id, Bytes::from(message)).await)
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
    async fn process_ended(&mut self) -> Result<(), StepError> {
        let exit = self.sandbox.wait(AGENT_TAG).await?;
        let stderr = self.read_stderr().await;
        if !self.context.recorder.memo().stderr_taken {
            let lines = stderr.lines().take(200).map(|line| Event::AgentStderr {
                line: line.chars().take(2_000).collect(),
            });
            let taken = |memo: &mut StepMemo| memo.stderr_taken = true;
            self.context.recorder.note(lines.collect(), taken);
        }
        self.keep_journal().await?;
        if self.farewell_until.is_some() && !matches!(exit.status, ExitStatus::SandboxEnded(_)) {
            return Ok(());
        }
        let tail: String = stderr
            .lines()
            .rev()
            .take(3)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join(" / ");
        Err(ended::classify(&exit.status, &tail).into())
    }

    /// Keeps the output as it came, but for secrets: the raw side of the transcript. A journal that can no longer be read (its sandbox is
    /// over) is no reason to fail: every event of it that was read is stored.
    async fn keep_journal(&self) -> Result<(), StepError> {
        if self.context.recorder.memo().journal.is_some() {
            return Ok(());
        }
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(step = %self.context.step, "keeping the journal failed: {error}");
            Failure::new(
                FailureClass::Internal,
                "The agent's output could not be kept. The log has the cause.",
            )
        };
        let mut output = match self.sandbox.journal(AGENT_TAG, JournalStream::Stdout, 0).await {
            Ok(output) => output,
            Err(error) => {
                tracing::warn!(step = %self.context.step, "the journal is gone: {}", chain(&error));
                return Ok(());
            }
        };
        let file = tempfile::NamedTempFile::new_in(&self.context.engine.scratch).map_err(|error| failed(&error))?;
        let (file, path) = file.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut clean = StreamRedactor::new(&self.context.environment.redactor);
        while let Some(chunk) = output.next().await {
            match chunk {
                Ok(chunk) => {
                    let chunk = clean.feed(&chunk);
                    file.write_all(&chunk).await.map_err(|error| failed(&error))?;
                }
                Err(error) => {
                    tracing::warn!(step = %self.context.step, "the journal broke off: {}", chain(&error));
                    return Ok(());
                }
            }
        }
        file.write_all(&clean.finish()).await.map_err(|error| failed(&error))?;
        file.flush().await.map_err(|error| failed(&error))?;
        let blob = self
            .context
            .engine
            .blobs
            .put_file(&path, 2 * JOURNAL_LIMIT)
            .await
            .map_err(|error| failed(&error))?;
        self.context.hold_journal(blob.name).await?;
        let name = blob.name.to_string();
        self.context
            .recorder
            .note(Vec::new(), move |memo| memo.journal = Some(name));
        Ok(())
    }

    async fn read_stderr(&self) -> String {
        let mut bytes = Vec::new();
        match self.sandbox.journal(AGENT_TAG, JournalStream::Stderr, 0).await {
            Ok(mut output) => {
                while let Some(Ok(chunk)) = output.next().await {
                    bytes.extend_from_slice(&chunk);
                    if bytes.len() >= STDERR_LIMIT {
                        bytes.truncate(STDERR_LIMIT);
                        break;
                    }
                }
            }
            Err(error) => tracing::warn!(step = %self.context.step, "standard error not readable: {}", chain(&error)),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn last_turn(event: &Event) -> Option<LastTurn> {
    match event {
        Event::TurnEnded {
            outcome,
            final_text,
            error,
            status,
        } => Some(LastTurn {
            outcome: *outcome,
            final_text: shortened(final_text),
            error: error.clone(),
            status: *status,
        }),
        _ => None,
    }
}

/// The beginning and the end of the agent's last words. The end matters: a verdict may stand there.
fn shortened(text: &str) -> String {
    const HEAD: usize = 2_000;
    const TAIL: usize = 6_000;
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return text.to_owned();
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(count - TAIL).collect();
    format!("{head}\n[…]\n{tail}")
}

/// A process that has ended cannot be told anything, which is no failure of the step: the end of its output says what
/// its end meant.
fn unless_over(told: Result<(), codecourier_sandbox::Error>) -> Result<(), StepError> {
    use codecourier_sandbox::Error;
    match told {
        Ok(()) | Err(Error::Refused { .. } | Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
