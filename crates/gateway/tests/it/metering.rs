//! What is metered and settled, whatever happens to the answer.

use codecourier_domain::failure::FailureClass;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;
use codecourier_gateway::{GatewayEvent, Metering, Outcome, PriceBasis, Traffic};
use serde_json::json;

use crate::harness::{House, MODEL, PATIENCE, Wishes, prompt};

#[tokio::test]
async fn a_stream_is_metered_to_the_token_and_the_micro_dollar() {
    let house = House::new().await;
    let script =
        "@@usage input=1000 output=200 cache_read=5000 cache_write_5m=400 cache_write_1h=30\n@@say x\n@@bash ls";
    house.ask(&prompt(script)).await.bytes().await.unwrap();
    let settlement = house.settlement().await;
    let expected = Tokens {
        input: 1000,
        output: 200,
        cache_read: 5000,
        cache_write_5m: 400,
        cache_write_1h: 30,
    };
    assert_eq!(settlement.tokens, expected);
    // 1000 x 4 + 200 x 20 + 5000 x 0.2 + 400 x 5 + 30 x 8 micro-dollars.
    assert_eq!(settlement.cost.amount, MicroUsd(11_240));
    assert_eq!(settlement.cost.basis, PriceBasis::List);
    assert_eq!(
        (settlement.outcome, settlement.metering),
        (Outcome::Complete, Metering::Exact)
    );
    assert_eq!(
        (settlement.traffic, settlement.status, settlement.model.as_str()),
        (Traffic::Live, Some(200), MODEL)
    );
    assert!(settlement.provider_request_id.unwrap().starts_with("req_"));
    assert!(settlement.first_byte.unwrap() <= settlement.duration);
    assert_eq!(settlement.profile.messages, 1);
    let estimate = house.books.estimates().remove(0);
    assert!(
        estimate.ceiling.amount >= MicroUsd(1000 * 20),
        "less than all of max_tokens is reserved"
    );
}

#[tokio::test]
async fn a_json_answer_is_metered_alike() {
    let house = House::new().await;
    let mut request = prompt("@@usage input=10 output=5 cache_write_1h=7\n@@say x");
    request["stream"] = json!(false);
    house.ask(&request).await.bytes().await.unwrap();
    let settlement = house.settlement().await;
    assert_eq!(
        settlement.tokens,
        Tokens {
            input: 10,
            output: 5,
            cache_write_1h: 7,
            ..Tokens::default()
        }
    );
    assert_eq!(settlement.metering, Metering::Exact);
}

#[tokio::test]
async fn an_unknown_model_is_priced_as_the_dearest_and_flagged() {
    let house = House::new().await;
    let mut request = prompt("@@say x");
    request["model"] = json!("llama-of-our-own");
    house.ask(&request).await.bytes().await.unwrap();
    let settlement = house.settlement().await;
    assert_eq!(settlement.cost.basis, PriceBasis::Unknown);
    assert!(settlement.cost.amount > MicroUsd::ZERO);
}

#[tokio::test]
async fn a_stream_that_the_provider_cuts_is_settled_and_cut_for_the_agent_too() {
    let house = House::with(Wishes {
        scenario: "cut",
        ..Wishes::default()
    })
    .await;
    let answer = house
        .ask(&prompt("@@usage input=500\n@@say This will never be said to its end."))
        .await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer.bytes().await.is_err(),
        "the agent was told that a cut stream is whole"
    );
    let settlement = house.settlement().await;
    assert_eq!(settlement.outcome, Outcome::Cut(FailureClass::ProviderUnreachable));
    assert_eq!(settlement.metering, Metering::Estimated);
    assert_eq!(settlement.tokens.input, 500);
    assert!(settlement.tokens.output >= 1);
    assert_eq!(house.seen.failure().await.class(), FailureClass::ProviderUnreachable);
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_classed_and_passed_on() {
    let house = House::with(Wishes {
        scenario: "stream-error",
        ..Wishes::default()
    })
    .await;
    let body = house
        .ask(&prompt("@@say Some words before it breaks."))
        .await
        .text()
        .await
        .unwrap();
    assert!(body.contains("overloaded_error"));
    let settlement = house.settlement().await;
    assert_eq!(settlement.outcome, Outcome::Cut(FailureClass::ProviderOverload));
    assert_eq!(house.seen.failure().await.class(), FailureClass::ProviderOverload);
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_is_charged_for_what_came() {
    let house = House::with(Wishes {
        scenario: "hang-stream",
        ..Wishes::default()
    })
    .await;
    let mut answer = house
        .ask(&prompt(
            "@@usage input=300\n@@say The stream stops after its first words.",
        ))
        .await;
    answer.chunk().await.unwrap();
    drop(answer);
    let settlement = house.settlement().await;
    assert_eq!(
        (settlement.outcome, settlement.metering),
        (Outcome::ClientGone, Metering::Estimated)
    );
    assert_eq!(settlement.tokens.input, 300);
    assert_eq!(house.books.open(), 0);
}

#[tokio::test]
async fn a_client_that_goes_before_the_answer_is_charged_for_the_input() {
    let house = House::with(Wishes {
        scenario: "hang",
        ..Wishes::default()
    })
    .await;
    let request = house.client.post(format!("{}/v1/messages", house.url));
    let request = request
        .header("x-api-key", house.token.expose())
        .json(&prompt("@@say x"));
    tokio::select! {
        answer = request.send() => panic!("answered: {answer:?}"),
        () = house.model.wait_for_requests(1) => {}
    }
    let settlement = house.settlement().await;
    assert_eq!(
        (settlement.outcome, settlement.metering),
        (Outcome::ClientGone, Metering::Estimated)
    );
    assert!(settlement.tokens.input > 0 && settlement.tokens.output == 0);
}

#[tokio::test]
async fn closing_a_step_ends_its_streams_and_waits_for_its_books() {
    let house = House::with(Wishes {
        scenario: "hang-stream",
        ..Wishes::default()
    })
    .await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut answer = house
            .ask(&prompt("@@say The stream stops after its first words."))
            .await;
        answer.chunk().await.unwrap();
        answers.push(answer);
    }
    house.tokens.revoke(&house.token);
    tokio::time::timeout(PATIENCE, house.gateway.close_step(&house.step))
        .await
        .expect("the step did not close");
    assert_eq!(house.books.open(), 0);
    let settled = house.books.settled();
    assert_eq!(settled.len(), 3);
    assert!(
        settled
            .iter()
            .all(|settlement| settlement.outcome == Outcome::StepClosed)
    );
    for answer in answers {
        assert!(answer.bytes().await.is_err(), "a stream of a closed step went on");
    }
    assert_eq!(house.ask(&prompt("@@say x")).await.status(), 401);
}

#[tokio::test]
async fn a_step_that_is_closed_before_its_answer_gets_an_answer_at_once() {
    let house = House::with(Wishes {
        scenario: "hang",
        ..Wishes::default()
    })
    .await;
    let request = house.client.post(format!("{}/v1/messages", house.url));
    let request = request
        .header("x-api-key", house.token.expose())
        .json(&prompt("@@say x"));
    let closing = async {
        house.model.wait_for_requests(1).await;
        house.gateway.close_step(&house.step).await;
    };
    let (answer, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(request.send(), closing) })
        .await
        .unwrap();
    assert_eq!(answer.unwrap().status(), 403);
    assert_eq!(house.settlement().await.outcome, Outcome::StepClosed);
}

#[tokio::test]
async fn a_budget_refuses_before_anything_leaves() {
    let house = House::with(Wishes {
        cap: MicroUsd(30_000),
        ..Wishes::default()
    })
    .await;
    let request = prompt("@@usage input=1000 output=400\n@@say x");
    house.ask(&request).await.bytes().await.unwrap();
    house.settlement().await;
    let refused = house.ask(&request).await;
    assert_eq!(refused.status(), 402);
    assert_eq!(refused.headers()["x-should-retry"], "false");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["type"], "billing_error");
    assert!(body["error"]["message"].as_str().unwrap().contains("$0.0300"), "{body}");
    assert!(matches!(
        house.seen.events().as_slice(),
        [GatewayEvent::BudgetRefused { .. }]
    ));
    assert_eq!(house.model.requests().len(), 1);
    assert_eq!(house.books.open(), 0);
}

#[tokio::test]
async fn a_ledger_that_fails_for_a_while_is_settled_with_later_and_once() {
    let house = House::new().await;
    house.books.fail_settlements(4);
    house.ask(&prompt("@@say x")).await.bytes().await.unwrap();
    assert_eq!(house.settlement().await.outcome, Outcome::Complete);
    assert_eq!(house.books.open(), 0);
    assert!(house.seen.events().is_empty());
}

#[tokio::test]
async fn a_listener_that_ends_has_settled_everything() {
    let house = House::with(Wishes {
        scenario: "hang-stream",
        configure: |config| config.timeouts.grace = std::time::Duration::from_millis(50),
        ..Wishes::default()
    })
    .await;
    let mut answer = house
        .ask(&prompt("@@say The stream stops after its first words."))
        .await;
    answer.chunk().await.unwrap();
    let books = house.close().await;
    assert_eq!(books.open(), 0);
    assert_eq!(books.settled().len(), 1);
}

#[tokio::test]
async fn many_at_once_are_each_metered_once() {
    let house = House::new().await;
    let ask = |number: u64| {
        let house = &house;
        async move {
            let request = prompt(&format!("@@usage input={number} output=1\n@@say x"));
            house.ask(&request).await.bytes().await.unwrap();
        }
    };
    futures::future::join_all((1..=200).map(ask)).await;
    house.books.wait_for_settlements(200).await;
    let mut inputs: Vec<_> = house
        .books
        .settled()
        .iter()
        .map(|settlement| settlement.tokens.input)
        .collect();
    inputs.sort_unstable();
    assert_eq!(inputs, (1..=200).collect::<Vec<_>>());
    assert_eq!(house.books.open(), 0);
}
