//! The user interface in a real browser, against the real server, with real sandboxes and a scripted model.
//!
//! What happens on the screens is told in `tests/browser/stories`. Every story ends a screen with axe in both themes, and
//! with nothing on the console, no request to elsewhere and nothing that the content security policy refused.

use codecourier_it::browser::Stage;

async fn tell(story: &str) {
    let mut stage = Stage::open().await.unwrap();
    stage.play("tell.mjs", &[story]).await.unwrap();
    assert_eq!(stage.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_newcomer_sets_up_and_sees_a_change_rejected_mended_and_accepted() {
    tell("first-run").await;
}

#[tokio::test]
async fn two_browsers_side_by_side_see_the_same_within_a_second() {
    tell("side-by-side").await;
}

#[tokio::test]
async fn an_open_page_outlives_a_killed_server_and_has_every_event_once() {
    tell("restart").await;
}

#[tokio::test]
async fn a_run_is_started_watched_and_stopped_without_a_mouse() {
    tell("keyboard").await;
}

#[tokio::test]
async fn what_is_asked_for_shows_at_once_and_goes_back_when_it_is_refused() {
    tell("optimistic").await;
}

#[tokio::test]
async fn every_screen_fits_a_telephone_twice_the_size_and_longer_words() {
    tell("layout").await;
}

#[tokio::test]
async fn whatever_opens_on_a_screen_opens() {
    tell("opens").await;
}
