//! What is tested of every agent, as one list: the behaviours, who has which, and why not.
//!
//! The suite in `tests/it/conformance` judges each row by running the real CLI, and `docs/agents.md` is made of the same
//! list. Invariant: a row that says "works" fails when it does not, and one that says "lacks" fails when it works; each
//! behaviour belongs to one scene, and whoever plays the scene must judge all of it.

pub mod page;

use codecourier_agents::capability::{Capabilities, Support};
use codecourier_domain::agent::AgentKind;

/// The agents that ship.
pub const AGENTS: [AgentKind; 4] = [AgentKind::Claude, AgentKind::Codex, AgentKind::Opencode, AgentKind::Pi];

/// Where a behaviour is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A run of one designer that does a bit of everything.
    Work,
    /// A conversation with the agent's process in a sandbox.
    Session,
    /// A person's conversation with the agent, by way of the server, which does not always live.
    Talk,
    /// A conversation whose model's provider has bad moments.
    Failures,
    /// Runs that do not end by themselves, or not well.
    Ends,
}

macro_rules! behaviours {
    ($($scene:ident { $($name:ident: $words:literal,)* })*) => {
        /// Something that people expect of an agent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Behaviour {
            $($(#[doc = $words] $name,)*)*
        }

        impl Behaviour {
            /// Every one, in the order of the page.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// What is expected, for people.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self {
                    $($(Self::$name => $words,)*)*
                }
            }

            /// Where it is looked at.
            #[must_use]
            pub const fn scene(self) -> Scene {
                match self {
                    $($(Self::$name => Scene::$scene,)*)*
                }
            }
        }
    };
}

behaviours! {
    Work {
        WritesAFile: "A file it writes is in the branch, and the write is in the transcript",
        RunsACommand: "A command it runs is in the transcript with its output, and runs in the repository",
        LongOutput: "A megabyte of output of a command is cut in the transcript and stops nothing",
        UnicodeAndAnsi: "Letters of every script and escapes of terminals arrive as they are, in output and in names of files",
        ToolError: "A command that fails is shown as failed, and the agent goes on",
        ParallelTools: "Two calls in one answer each have their result",
        ShowsThinking: "What the model thinks is told apart from what it says",
        ProjectInstructions: "The project's instructions reach the model",
        RepositoryInstructions: "The repository's own AGENTS.md reaches the model",
        HugeLine: "A line longer than any that is read is named in the transcript, and the run ends well",
    }
    Session {
        GarbageOnStdout: "Garbage on the agent's standard output is shown as such, and nothing is lost after it",
        PartialText: "Text is shown while the model writes it",
        RulesObeyed: "The rules of the role and the instructions are in the first request",
        EffortSent: "The effort is in the request",
        Plan: "The plan that the agent makes is shown as a plan",
        McpTool: "A tool of an MCP server is called and answers",
        Skill: "A skill is found and read",
        Command: "A command with arguments is found by its name",
        Image: "A picture in a message reaches the model",
        ToolPicture: "A picture that a tool reads is in the transcript",
        Terminated: "A process that is told to end ends, and its conversation goes on in a new one",
    }
    Talk {
        FollowUp: "A further message goes on with the conversation in the same process",
        Steer: "A message in the middle of a turn reaches the model in that turn",
        SaidMeanwhile: "A message in the middle of a turn is heard in that turn or right after it, and once",
        Interrupt: "A turn is interrupted within seconds, and the next message goes on with the session",
        ServerKilled: "A server that is killed in the middle of a turn goes on with it and with the session",
        Paused: "A sandbox that was paused, across a kill of the server too, goes on with the session",
        Resume: "A new process with another model goes on with the conversation",
        Finished: "The work of all turns is in the branch, and the transcript has every turn once",
    }
    Failures {
        RateLimited: "An answer 429 with a wait is waited for, and the turn goes on",
        Overloaded: "An overloaded provider is asked again, and the turn goes on",
        ServerError: "An answer 500 is asked again, and the turn goes on",
        Silent: "A provider that does not answer is given up and asked again",
        CutStream: "A stream that is cut is asked for again",
        StalledStream: "A stream that stops in its middle is given up and asked for again",
        ErrorInStream: "An error in the middle of a stream is asked again",
        RetryShown: "The transcript says that the model is asked again",
        ContextOverflow: "A conversation that is too long for its model ends the turn with that reason",
    }
    Ends {
        Cancelled: "A run that is cancelled ends within seconds, with no process left",
        OutOfMemory: "A command that takes more memory than there is is killed, and the agent goes on",
        KeyRefused: "A key that the provider refuses fails the run at once, and names the key to mend",
    }
}

/// Whether an agent has a behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It does.
    Works,
    /// It does not, and why.
    Lacks(&'static str),
}

/// What an agent is expected to do.
#[must_use]
pub const fn expected(agent: AgentKind, behaviour: Behaviour) -> Expected {
    use AgentKind::{Codex, Opencode, Pi};
    match (agent, behaviour) {
        (Codex | Pi, Behaviour::Plan) => Expected::Lacks("it offers its model no tool for a plan"),
        (Codex, Behaviour::ToolPicture) => Expected::Lacks(
            "its server tells where the picture lies that its model looks at, and not the picture; one of an MCP server's tool it tells",
        ),
        (Codex, Behaviour::Command) => Expected::Lacks("its server takes no command by name"),
        (Opencode, Behaviour::Steer) => {
            Expected::Lacks("its protocol has no message in the middle of a turn; it is the next turn's")
        }
        (Opencode, Behaviour::ContextOverflow) => {
            Expected::Lacks("it has the model sum up what was said, and goes on with that")
        }
        (Opencode, Behaviour::RetryShown) => {
            Expected::Lacks("its protocol says nothing of retries; the gateway's own events do")
        }
        _ => Expected::Works,
    }
}

/// What the adapter itself says of a behaviour, where it has a word for it. The page, the user interface and the suite must
/// agree.
#[must_use]
pub fn capability(behaviour: Behaviour, capabilities: &Capabilities) -> Option<Support> {
    Some(match behaviour {
        Behaviour::PartialText => capabilities.partial_text,
        Behaviour::ShowsThinking => capabilities.thinking,
        Behaviour::Steer => capabilities.steer,
        Behaviour::Interrupt => capabilities.interrupt,
        Behaviour::FollowUp => capabilities.follow_up,
        Behaviour::Resume => capabilities.resume,
        Behaviour::EffortSent if capabilities.efforts.is_empty() => Support::No,
        Behaviour::EffortSent => Support::Yes,
        Behaviour::McpTool => capabilities.mcp,
        Behaviour::Skill => capabilities.skills,
        Behaviour::Command => capabilities.commands,
        Behaviour::Image => capabilities.images,
        _ => return None,
    })
}

/// The judgements of a scene.
pub struct Judged {
    agent: AgentKind,
    scene: Scene,
    rows: Vec<(Behaviour, Result<(), String>)>,
}

impl Judged {
    /// None yet.
    #[must_use]
    pub const fn of(agent: AgentKind, scene: Scene) -> Self {
        Self {
            agent,
            scene,
            rows: Vec::new(),
        }
    }

    /// Judges a row: it works if the condition holds. What was seen is told when that is not what was expected.
    pub fn row(&mut self, behaviour: Behaviour, works: bool, seen: impl Fn() -> String) {
        self.rows.push((behaviour, if works { Ok(()) } else { Err(seen()) }));
    }

    /// What is not as expected: rows that went otherwise, and rows of the scene that nobody judged.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        let mut surprises = Vec::new();
        for behaviour in Behaviour::ALL {
            let rows = self.rows.iter().filter(|(of, _)| of == behaviour);
            let rows: Vec<&Result<(), String>> = rows.map(|(_, outcome)| outcome).collect();
            if rows.is_empty() != (behaviour.scene() != self.scene) {
                surprises.push(format!(
                    "{} {behaviour:?} is judged by another scene or by none",
                    self.agent
                ));
            }
            for row in rows {
                match (expected(self.agent, *behaviour), row) {
                    (Expected::Works, Ok(())) | (Expected::Lacks(_), Err(_)) => {}
                    (Expected::Works, Err(seen)) => {
                        surprises.push(format!("{} {behaviour:?} does not work:\n{seen}", self.agent));
                    }
                    (Expected::Lacks(why), Ok(())) => {
                        surprises.push(format!(
                            "{} {behaviour:?} works now; it is listed as lacking: {why}",
                            self.agent
                        ));
                    }
                }
            }
        }
        surprises
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_what_the_adapters_say() {
        for agent in AGENTS {
            let capabilities = Capabilities::of(agent);
            for behaviour in Behaviour::ALL {
                let says = capability(*behaviour, &capabilities);
                let works = expected(agent, *behaviour) == Expected::Works;
                assert!(
                    says.is_none_or(|says| (says == Support::Yes) == works),
                    "{agent}: the adapter says otherwise of {behaviour:?}"
                );
            }
        }
    }

    #[test]
    fn a_row_that_goes_otherwise_or_is_not_judged_is_a_surprise() {
        let mut judged = Judged::of(AgentKind::Codex, Scene::Ends);
        judged.row(Behaviour::Cancelled, true, String::new);
        judged.row(Behaviour::OutOfMemory, false, || "it died".to_owned());
        let surprises = judged.surprises().join("\n");
        assert!(
            surprises.contains("it died") && surprises.contains("KeyRefused is judged by another scene or by none")
        );
        assert!(!surprises.contains("Cancelled"), "{surprises}");

        let mut judged = Judged::of(AgentKind::Codex, Scene::Session);
        judged.row(Behaviour::Command, true, String::new);
        assert!(judged.surprises().join("\n").contains("Command works now"));
    }
}
