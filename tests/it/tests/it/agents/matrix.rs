//! Every agent as designer with every agent as checker: the same workflow completes, the checker's session goes on after
//! a verdict that cannot be used, and the books have what the model said it used, to the token.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::Event;
use codecourier_domain::model_route;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::provider::ModelProvider;
use codecourier_domain::usage::Tokens;
use codecourier_it::compare::RecordedStep;
use codecourier_it::project::{Project, designer_and_checker};
use codecourier_testkit::scripted_model::GivenAnswer;
use serde_json::json;

use super::model;

/// Each role's answers use what no other answer uses, so that whose they are is told by their number.
const SCRIPT: &str = r#"Write the greeting.
@@when role=designer
@@usage input=1000 output=100 cache_read=50 cache_write_5m=10 reasoning=7 cost=4321
@@write greeting.txt <<< hello world
@@run cat greeting.txt
@@say It is written.
@@end
@@when role=checker turn=1
@@usage input=2000 output=200 cache_read=30 cost=1234
@@write /home/user/.codecourier/verdict.json <<< {"verdict":"perhaps
@@say I am not sure.
@@end
@@when role=checker turn=2
@@usage input=2000 output=200 cache_read=30 cost=1234
@@run echo '{"verdict":"pass"}' > /home/user/.codecourier/verdict.json
@@say Good.
@@end
"#;
const DESIGNER: Tokens = Tokens {
    input: 1000,
    output: 100,
    cache_read: 50,
    cache_write_5m: 10,
    cache_write_1h: 0,
};
const CHECKER: Tokens = Tokens {
    input: 2000,
    output: 200,
    cache_read: 30,
    cache_write_5m: 0,
    cache_write_1h: 0,
};

/// What an answer costs, in millionths of a dollar. The public prices by hand: $4 in, $20 out, $0.20 from and $5 into the
/// cache for a million tokens of `claude-opus-5-5`; $5, $30, $0.50 and $5 for `gpt-5.5`; what OpenRouter says itself.
fn price(provider: ModelProvider, tokens: Tokens) -> i64 {
    let is_designer = tokens == DESIGNER;
    match provider {
        ModelProvider::Anthropic if is_designer => 4_000 + 2_000 + 10 + 50,
        ModelProvider::Anthropic => 8_000 + 4_000 + 6,
        ModelProvider::Openai if is_designer => 5_000 + 3_000 + 25 + 50,
        ModelProvider::Openai => 10_000 + 6_000 + 15,
        ModelProvider::Openrouter if is_designer => 4_321,
        ModelProvider::Openrouter => 1_234,
    }
}

async fn pair(designer: AgentKind, checker: AgentKind) {
    let project = Project::open(&[designer, checker]).await.unwrap();
    let models = (model(designer, "designer"), model(checker, "checker"));
    let pipeline = designer_and_checker((designer, models.0), (checker, models.1));
    project.save_workflow("pair", pipeline).await.unwrap();
    let run = project
        .run(json!({"workflow": "pair", "prompt": SCRIPT}))
        .await
        .unwrap();
    let told = run.told();
    assert_eq!(run.detail["status"], "completed", "{told}");
    let given = project.scene.model.given();
    let patch = project.patch(&run.id).await.unwrap();
    assert!(patch.contains("+hello world"), "{patch}");

    let (_scene, runs) = project.close().await.unwrap();
    let [recorded] = runs.as_slice() else {
        panic!("{} runs", runs.len())
    };
    assert_eq!(recorded.faults, Vec::<String>::new(), "{told}");
    let [first, second] = recorded.steps.as_slice() else {
        panic!("{told}")
    };
    assert_eq!((first.agent, second.agent), (designer, checker));
    // Two calls and the last words; then a call and words, and once more after it was asked again.
    assert_step(first, (designer, models.0), DESIGNER, 3, &given, &told);
    assert_step(second, (checker, models.1), CHECKER, 4, &given, &told);
    let asked_again = second
        .events
        .iter()
        .filter(|event| matches!(event, Event::AskedAgain { .. }));
    assert_eq!(
        (asked_again.count(), second.verdict.as_deref()),
        (1, Some("pass")),
        "{told}"
    );

    let cost = [first, second].map(|step| requests(step).iter().map(|(_, cost)| cost.0).sum::<i64>());
    assert_eq!(recorded.totals.requests, given.len() as u64, "{told}");
    assert_eq!(
        recorded.totals.tokens.input,
        given.iter().map(|answer| answer.usage.input).sum::<u64>()
    );
    assert_eq!(
        recorded.totals.tokens.output,
        given.iter().map(|answer| answer.usage.output).sum::<u64>()
    );
    assert_eq!(
        (recorded.totals.spent.0, recorded.totals.reserved.0),
        (cost[0] + cost[1], 0)
    );
    assert_eq!(run.detail["costMicroUsd"], json!(cost[0] + cost[1]));
    assert_eq!(run.detail["tokens"]["input"], json!(recorded.totals.tokens.input));
}

/// The step asked the model so often, and what is booked for each answer is what the answer said.
fn assert_step(
    step: &RecordedStep,
    (agent, model): (AgentKind, &str),
    each: Tokens,
    count: usize,
    given: &[GivenAnswer],
    told: &str,
) {
    let route = model_route::route(agent, &model.parse().unwrap()).unwrap();
    let answers = given.iter().filter(|answer| answer.usage.input == each.input);
    let paid = MicroUsd(price(route.provider, each));
    assert_eq!(answers.count(), count, "{}: {given:?}\n{told}", step.name);
    assert_eq!(requests(step), vec![(each, paid); count], "{}\n{told}", step.name);
}

/// What the gateway booked for the requests of a step.
fn requests(step: &RecordedStep) -> Vec<(Tokens, MicroUsd)> {
    let booked = step.events.iter().filter_map(|event| match event {
        Event::ModelRequest { tokens, cost, .. } => Some((*tokens, *cost)),
        _ => None,
    });
    booked.collect()
}

macro_rules! pairs {
    ($($name:ident: $designer:ident, $checker:ident;)*) => {$(
        #[tokio::test]
        async fn $name() {
            pair(AgentKind::$designer, AgentKind::$checker).await;
        }
    )*};
}

pairs! {
    claude_designs_and_claude_checks: Claude, Claude;
    claude_designs_and_codex_checks: Claude, Codex;
    claude_designs_and_opencode_checks: Claude, Opencode;
    claude_designs_and_pi_checks: Claude, Pi;
    codex_designs_and_claude_checks: Codex, Claude;
    codex_designs_and_codex_checks: Codex, Codex;
    codex_designs_and_opencode_checks: Codex, Opencode;
    codex_designs_and_pi_checks: Codex, Pi;
    opencode_designs_and_claude_checks: Opencode, Claude;
    opencode_designs_and_codex_checks: Opencode, Codex;
    opencode_designs_and_opencode_checks: Opencode, Opencode;
    opencode_designs_and_pi_checks: Opencode, Pi;
    pi_designs_and_claude_checks: Pi, Claude;
    pi_designs_and_codex_checks: Pi, Codex;
    pi_designs_and_opencode_checks: Pi, Opencode;
    pi_designs_and_pi_checks: Pi, Pi;
}
