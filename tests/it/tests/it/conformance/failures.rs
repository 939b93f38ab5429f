//! A conversation whose model's provider has a bad moment in each turn: the turn goes on, and the gateway names what it was.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Event, TurnOutcome};
use codecourier_gateway::Complaint;
use codecourier_it::conformance::{Behaviour, Judged, Scene};
use codecourier_it::session::{Session, Wishes};

use super::{assert_as_expected, is_completed, of_every_agent, outcome, told};

const MOMENTS: [(Behaviour, &str, Complaint); 7] = [
    (Behaviour::RateLimited, "1-429ra1.a", Complaint::RateLimit),
    (Behaviour::Overloaded, "1-529.b", Complaint::Overload),
    (Behaviour::ServerError, "1-500.c", Complaint::Overload),
    (Behaviour::Silent, "1-hang.d", Complaint::Unreachable),
    (Behaviour::CutStream, "1-cut.e", Complaint::CutShort),
    (Behaviour::StalledStream, "1-hang-stream.f", Complaint::CutShort),
    (Behaviour::ErrorInStream, "1-stream-error.g", Complaint::Overload),
];

async fn suffer(agent: AgentKind) {
    let mut judged = Judged::of(agent, Scene::Failures);
    let mut session = Session::begin(agent, Wishes::script(agent, "@@say I am here."))
        .await
        .unwrap();
    let events = session.turn().await.unwrap();
    assert!(is_completed(&events), "{}", told(&events));
    let mut shown = 0;
    for (behaviour, moment, complaint) in MOMENTS {
        let before = session.complaints.all().len();
        let events = session.ask(&format!("@@flaky {moment}\n@@say Over it.")).await.unwrap();
        let complaints = session.complaints.all().split_off(before);
        shown += usize::from(events.iter().any(|event| matches!(event, Event::Retry { .. })));
        let said = events
            .iter()
            .any(|event| matches!(event, Event::TurnEnded { final_text, .. } if final_text.contains("Over it.")));
        judged.row(
            behaviour,
            is_completed(&events) && said && complaints == [complaint],
            || format!("{complaints:?}\n{}", told(&events)),
        );
    }
    judged.row(Behaviour::RetryShown, shown >= 3, || {
        format!("{shown} of {}", MOMENTS.len())
    });
    let events = session.ask("@@overflow").await.unwrap();
    judged.row(
        Behaviour::ContextOverflow,
        outcome(&events) == Some(TurnOutcome::ContextOverflow),
        || told(&events),
    );
    session.close().await.unwrap();
    assert_as_expected(&judged);
}

of_every_agent!(suffer: claude_and_bad_moments, codex_and_bad_moments, opencode_and_bad_moments, pi_and_bad_moments);
