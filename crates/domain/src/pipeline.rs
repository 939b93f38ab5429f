//! The pipeline: the tree a workflow holds. It never executes; [`crate::run`] does.
//!
//! Invariant: a [`Pipeline`] is valid, since [`Pipeline::new`] is the only way in: it has a step, its depth and size are
//! bounded, and every loop's bounds are in range.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentKind, Effort, ModelName};
use crate::role::Role;

/// The deepest nesting of loops and candidates.
pub const MAX_DEPTH: usize = 4;
/// The most steps, counted once each however often a loop repeats them.
pub const MAX_STEPS: usize = 50;
/// The most iterations a loop may have.
pub const MAX_ITERATIONS: u32 = 10;
/// The iterations a loop has when nobody says.
pub const DEFAULT_ITERATIONS: u32 = 3;

/// A valid tree of steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Node>", into = "Vec<Node>")]
pub struct Pipeline {
    nodes: Vec<Node>,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Node {
    /// One step.
    Step(StepSpec),
    /// Steps that repeat until a checker passes.
    Loop(LoopSpec),
    /// Several attempts at the same steps, of which one is chosen.
    Candidates(CandidatesSpec),
}

/// What one step is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepSpec {
    /// The part the agent plays.
    pub role: Role,
    /// What people call the step; the role's name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another agent than the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentKind>,
    /// Another model than the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// Another effort than the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// What this step is told besides the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Who says that it is done.
    #[serde(default, skip_serializing_if = "StepMode::is_autonomous")]
    pub mode: StepMode,
}

/// Who says that a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepMode {
    /// The agent, by the end of its turn.
    #[default]
    Autonomous,
    /// A person: at the end of a turn the agent waits for what they say next.
    Interactive,
}

impl StepMode {
    /// Whether the end of the agent's turn is the end of its work.
    #[must_use]
    pub const fn is_autonomous(&self) -> bool {
        matches!(self, Self::Autonomous)
    }
}

/// Steps that repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoopSpec {
    /// What is repeated.
    pub nodes: Vec<Node>,
    /// How often at the most: 1 to 10.
    #[serde(default = "default_iterations")]
    pub max_iterations: u32,
    /// What a `fail` at the last iteration means.
    #[serde(default)]
    pub on_exhausted: OnExhausted,
    /// Whether required checks gate the way out.
    #[serde(default)]
    pub gate: Gate,
}

/// What happens when a loop's last iteration fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExhausted {
    /// The run fails with the last feedback.
    #[default]
    Fail,
    /// The run goes on.
    Continue,
}

/// What must hold for a loop to be left with a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// The checker's verdict, and every required check.
    #[default]
    Checks,
    /// The checker's verdict alone.
    Verdict,
}

/// Several attempts at the same steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidatesSpec {
    /// What each candidate does.
    pub nodes: Vec<Node>,
    /// How many there are: 2 to 8.
    pub count: u32,
}

/// Why a tree is no pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPipeline {
    /// There is nothing to do.
    #[error("a pipeline needs at least one step")]
    Empty,
    /// A loop or candidates node has no children.
    #[error("a {0} needs at least one step in it")]
    EmptyGroup(&'static str),
    /// Too deep.
    #[error("loops and candidates may be nested at most {MAX_DEPTH} deep")]
    TooDeep,
    /// Too many steps.
    #[error("a pipeline has at most {MAX_STEPS} steps")]
    TooManySteps,
    /// A loop's bound is out of range.
    #[error("maxIterations must be between 1 and {MAX_ITERATIONS}, and {0} was asked for")]
    Iterations(u32),
    /// A candidates node's count is out of range.
    #[error("candidates must be between 2 and 8, and {0} were asked for")]
    CandidateCount(u32),
    /// The engine of this version does not run candidates.
    #[error("candidates are not executed by this version")]
    CandidatesNotExecuted,
}

impl Pipeline {
    /// Checks a tree.
    pub fn new(nodes: Vec<Node>) -> Result<Self, InvalidPipeline> {
        if nodes.is_empty() {
            return Err(InvalidPipeline::Empty);
        }
        let mut steps = 0;
        check(&nodes, 0, &mut steps)?;
        Ok(Self { nodes })
    }

    /// The workflow *single designer*: one designer step.
    #[must_use]
    pub fn single_designer() -> Self {
        Self {
            nodes: vec![Node::Step(StepSpec::of_role(Role::Designer))],
        }
    }

    /// The workflow *designer & checker*: a loop of the two.
    pub fn designer_and_checker(max_iterations: u32) -> Result<Self, InvalidPipeline> {
        Self::new(vec![Node::Loop(LoopSpec {
            nodes: vec![
                Node::Step(StepSpec::of_role(Role::Designer)),
                Node::Step(StepSpec::of_role(Role::Checker)),
            ],
            max_iterations,
            on_exhausted: OnExhausted::Fail,
            gate: Gate::Checks,
        })])
    }

    /// One conversation with a person: what an interactive sandbox executes.
    #[must_use]
    pub fn interactive() -> Self {
        Self {
            nodes: vec![Node::Step(StepSpec::interactive())],
        }
    }

    /// The nodes at the top, in order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The same tree with something changed in its steps. No bound of the tree rests on what a step says.
    #[must_use]
    pub fn with_steps(mut self, mut change: impl FnMut(&mut StepSpec)) -> Self {
        fn visit(nodes: &mut [Node], change: &mut impl FnMut(&mut StepSpec)) {
            for node in nodes {
                match node {
                    Node::Step(step) => change(step),
                    Node::Loop(inner) => visit(&mut inner.nodes, change),
                    Node::Candidates(inner) => visit(&mut inner.nodes, change),
                }
            }
        }
        visit(&mut self.nodes, &mut change);
        self
    }

    /// The same tree with another agent or model for its checkers.
    #[must_use]
    pub fn with_checker(self, agent: Option<AgentKind>, model: Option<&ModelName>) -> Self {
        self.with_steps(|step| {
            if step.role == Role::Checker {
                step.agent = agent.or(step.agent);
                if let Some(model) = model {
                    step.model = Some(model.clone());
                }
            }
        })
    }

    /// Every step in it, in the order of the tree.
    #[must_use]
    pub fn steps(&self) -> Vec<&StepSpec> {
        fn collect<'a>(nodes: &'a [Node], steps: &mut Vec<&'a StepSpec>) {
            for node in nodes {
                match node {
                    Node::Step(step) => steps.push(step),
                    Node::Loop(inner) => collect(&inner.nodes, steps),
                    Node::Candidates(inner) => collect(&inner.nodes, steps),
                }
            }
        }
        let mut steps = Vec::new();
        collect(&self.nodes, &mut steps);
        steps
    }
}

impl StepSpec {
    /// A step with nothing but a role.
    #[must_use]
    pub const fn of_role(role: Role) -> Self {
        Self {
            role,
            name: None,
            agent: None,
            model: None,
            effort: None,
            instructions: None,
            mode: StepMode::Autonomous,
        }
    }

    /// A step that is a conversation with a person.
    #[must_use]
    pub const fn interactive() -> Self {
        let mut step = Self::of_role(Role::Custom);
        step.mode = StepMode::Interactive;
        step
    }
}

impl TryFrom<Vec<Node>> for Pipeline {
    type Error = InvalidPipeline;

    fn try_from(nodes: Vec<Node>) -> Result<Self, InvalidPipeline> {
        Self::new(nodes)
    }
}

impl From<Pipeline> for Vec<Node> {
    fn from(pipeline: Pipeline) -> Self {
        pipeline.nodes
    }
}

const fn default_iterations() -> u32 {
    DEFAULT_ITERATIONS
}

fn check(nodes: &[Node], depth: usize, steps: &mut usize) -> Result<(), InvalidPipeline> {
    if depth > MAX_DEPTH {
        return Err(InvalidPipeline::TooDeep);
    }
    for node in nodes {
        match node {
            Node::Step(_) => {
                *steps += 1;
                if *steps > MAX_STEPS {
                    return Err(InvalidPipeline::TooManySteps);
                }
            }
            Node::Loop(LoopSpec {
                nodes,
                max_iterations,
                on_exhausted: _,
                gate: _,
            }) => {
                if nodes.is_empty() {
                    return Err(InvalidPipeline::EmptyGroup("loop"));
                }
                if !(1..=MAX_ITERATIONS).contains(max_iterations) {
                    return Err(InvalidPipeline::Iterations(*max_iterations));
                }
                check(nodes, depth + 1, steps)?;
            }
            Node::Candidates(CandidatesSpec { nodes, count }) => {
                if nodes.is_empty() {
                    return Err(InvalidPipeline::EmptyGroup("candidates node"));
                }
                if !(2..=8).contains(count) {
                    return Err(InvalidPipeline::CandidateCount(*count));
                }
                return Err(InvalidPipeline::CandidatesNotExecuted);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_named_in_the_error() {
        assert_eq!(
            Pipeline::new(vec![]).unwrap_err().to_string(),
            "a pipeline needs at least one step"
        );
        assert_eq!(
            Pipeline::designer_and_checker(11).unwrap_err().to_string(),
            "maxIterations must be between 1 and 10, and 11 was asked for"
        );
        let mut nested = Node::Step(StepSpec::of_role(Role::Designer));
        for _ in 0..=MAX_DEPTH {
            nested = Node::Loop(LoopSpec {
                nodes: vec![nested],
                max_iterations: 1,
                on_exhausted: OnExhausted::Fail,
                gate: Gate::Verdict,
            });
        }
        assert_eq!(Pipeline::new(vec![nested]), Err(InvalidPipeline::TooDeep));
    }

    #[test]
    fn every_step_is_seen_and_changed_however_deep() {
        let pipeline = Pipeline::designer_and_checker(2).unwrap().with_steps(|step| {
            if step.role == Role::Checker {
                step.agent = Some(AgentKind::Codex);
            }
        });
        let agents: Vec<_> = pipeline.steps().iter().map(|step| (step.role, step.agent)).collect();
        assert_eq!(
            agents,
            [(Role::Designer, None), (Role::Checker, Some(AgentKind::Codex))]
        );
    }

    #[test]
    fn the_tree_in_data() {
        let pipeline = Pipeline::designer_and_checker(3).unwrap();
        insta::assert_json_snapshot!(pipeline, @r#"
        [
          {
            "type": "loop",
            "nodes": [
              {
                "type": "step",
                "role": "designer"
              },
              {
                "type": "step",
                "role": "checker"
              }
            ],
            "maxIterations": 3,
            "onExhausted": "fail",
            "gate": "checks"
          }
        ]
        "#);
        let text = serde_json::to_string(&pipeline).unwrap();
        assert_eq!(serde_json::from_str::<Pipeline>(&text).unwrap(), pipeline);
        assert!(serde_json::from_str::<Pipeline>("[]").is_err());
    }
}
