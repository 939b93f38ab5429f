//! A conversation with each agent's process: everything that can be said to it, and what it then does.

use codecourier_agents::session::{Image, ImageType, Prompt};
use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::Event;
use codecourier_it::conformance::{Behaviour, Judged, Scene};
use codecourier_it::session::{INSTRUCTIONS, Output, RULES, SKILL, Session, Wishes};
use codecourier_sandbox::Signal;

use super::{assert_as_expected, is_completed, of_every_agent, told};

/// A small picture.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAJklEQVR4nGNgkLOJqpi25dIHPh2vjLYlhx78k7GKKJuyiWFoSQAAC7Vawc6Hrt0AAAAASUVORK5CYII=";

fn output(events: &[Event]) -> String {
    let outputs = events.iter().filter_map(|event| match event {
        Event::ToolResult { output, .. } => Some(output.as_str()),
        _ => None,
    });
    outputs.collect::<Vec<_>>().join("\n")
}

async fn converse(agent: AgentKind) {
    let mut judged = Judged::of(agent, Scene::Session);
    let first = "Remember the word heron.\n@@say This is a sentence that takes more than one piece to be written.";
    let wishes = Wishes {
        output: Output::Spoilt,
        ..Wishes::script(agent, first)
    };
    let mut session = Session::begin(agent, wishes).await.unwrap();
    let events = session.turn().await.unwrap();
    assert!(is_completed(&events), "{}", told(&events));
    let garbage = events
        .iter()
        .filter(|event| matches!(event, Event::Unknown { .. }))
        .count();
    judged.row(Behaviour::GarbageOnStdout, garbage == 3, || told(&events));
    let pieces = events
        .iter()
        .filter(|event| matches!(event, Event::Text { partial: true, .. }))
        .count();
    judged.row(Behaviour::PartialText, pieces > 1, || told(&events));
    let asked = session.asked();
    judged.row(
        Behaviour::RulesObeyed,
        asked.contains(RULES) && asked.contains(INSTRUCTIONS),
        || asked.clone(),
    );
    let effort = [
        "\"effort\":\"high\"",
        "\"reasoning_effort\":\"high\"",
        "\"budget_tokens\"",
    ];
    judged.row(
        Behaviour::EffortSent,
        effort.iter().any(|words| asked.contains(words)),
        || asked.clone(),
    );

    let events = session.ask("@@plan look | write").await.unwrap();
    let plan = events.iter().find_map(|event| match event {
        Event::Plan { entries } => Some(entries.iter().map(|entry| entry.text.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    judged.row(
        Behaviour::Plan,
        plan == Some(vec!["look".to_owned(), "write".to_owned()]),
        || told(&events),
    );
    let events = session.ask("@@mcp platform echo {\"text\": \"hello\"}").await.unwrap();
    judged.row(Behaviour::McpTool, output(&events).contains("echoed hello"), || {
        told(&events)
    });
    let events = session.ask("@@skill review").await.unwrap();
    let asked = session.last_asked();
    judged.row(Behaviour::Skill, is_completed(&events) && asked.contains(SKILL), || {
        format!("{}\n{asked}", told(&events))
    });
    let events = session.ask("/ship blue boat").await.unwrap();
    let asked = session.last_asked();
    judged.row(Behaviour::Command, asked.contains("Ship the blue boat today"), || {
        told(&events)
    });

    let picture = Image {
        media_type: ImageType::Png,
        base64: PICTURE.to_owned(),
    };
    let prompt = Prompt {
        text: "@@say I see.".to_owned(),
        images: vec![picture],
    };
    session.say(&prompt).await.unwrap();
    let events = session.turn().await.unwrap();
    let asked = session.last_asked();
    judged.row(
        Behaviour::Image,
        is_completed(&events) && asked.contains(&PICTURE[..40]),
        || format!("{}\n{asked}", told(&events)),
    );

    let path = "/home/user/project/seen.png";
    let look = match agent {
        AgentKind::Codex => format!("@@tool view_image {{\"path\": \"{path}\"}}"),
        AgentKind::Claude | AgentKind::Opencode | AgentKind::Pi | AgentKind::Acp => format!("@@read {path}"),
    };
    let script = format!("@@run echo {PICTURE} | base64 -d > {path}\n{look}");
    let events = session.ask(&script).await.unwrap();
    let is_given = events.iter().any(|event| {
        matches!(event, Event::ToolResult { images, succeeded: true, .. }
            if matches!(&images[..], [image] if image.media_type == ImageType::Png && image.size == 95))
    });
    judged.row(Behaviour::ToolPicture, is_completed(&events) && is_given, || {
        told(&events)
    });

    session.say(&Prompt::text("@@run sleep 600")).await.unwrap();
    session
        .until(|event| matches!(event, Event::ToolCall { .. }))
        .await
        .unwrap();
    session.signal(Signal::Terminate).await.unwrap();
    let (_, exit) = session.rest().await.unwrap();
    session.resume("Go on with heron.\n@@say Here I am.").await.unwrap();
    let events = session.turn().await.unwrap();
    let asked = session.last_asked();
    judged.row(
        Behaviour::Terminated,
        is_completed(&events) && asked.contains("sleep 600"),
        || format!("{exit:?}\n{}\n{asked}", told(&events)),
    );
    session.close().await.unwrap();
    assert_as_expected(&judged);
}

of_every_agent!(converse: a_conversation_with_claude, a_conversation_with_codex, a_conversation_with_opencode, a_conversation_with_pi);
