//! Failures that the URL asks for, whatever the script says. Pure but for the counting of `flaky`.

use std::collections::HashMap;

use super::answer::{Ending, Failure, FailureKind};

/// How often each flaky tag was asked: the only state of the scripted model.
#[derive(Debug, Default)]
pub(super) struct FlakyCounts(HashMap<String, u32>);

/// The failure for a path, if its first component names one.
pub(super) fn failure_of(path: &str, counts: &mut FlakyCounts) -> Option<Ending> {
    let component = path.trim_start_matches('/').split('/').next()?;
    if let Some(ending) = ending_of(component) {
        return Some(ending);
    }
    if let Some(failure) = component.strip_prefix("err") {
        return failure_with_waits(failure).map(Ending::Error);
    }
    flaky(component.strip_prefix("flaky")?, counts)
}

/// The failure for `2-529.tag`, as long as it was not had so often: the tag tells those apart that fail alike.
pub(super) fn flaky(component: &str, counts: &mut FlakyCounts) -> Option<Ending> {
    let (times, rest) = component.split_once('-')?;
    let (failure, _tag) = rest.split_once('.').unwrap_or((rest, ""));
    let times: u32 = times.parse().ok()?;
    let ending = match ending_of(failure) {
        Some(ending) => ending,
        None => Ending::Error(failure_with_waits(failure)?),
    };
    let asked = counts.0.entry(component.to_owned()).or_default();
    *asked += 1;
    (*asked <= times).then(|| match ending {
        Ending::Error(failure) if failure.kind == FailureKind::Plain => Ending::Error(Failure {
            message: format!("{}, {asked} of {times}", failure.message),
            ..failure
        }),
        ending => ending,
    })
}

/// A failure that has a word for a name.
fn ending_of(word: &str) -> Option<Ending> {
    Some(match word {
        "hang" => Ending::Hang,
        "hang-stream" => Ending::HangStream,
        "cut" => Ending::Cut,
        "redirect" => Ending::Redirect,
        "garbage" => Ending::Garbage,
        "overflow" => Ending::Error(Failure::of_kind(FailureKind::ContextOverflow)),
        "policy" => Ending::Error(Failure::of_kind(FailureKind::ContentPolicy)),
        "quota" => Ending::Error(Failure::of_kind(FailureKind::Quota)),
        "stream-error" => Ending::StreamError {
            kind: "overloaded_error".to_owned(),
            message: "Overloaded".to_owned(),
        },
        _ => return None,
    })
}

/// `429`, `429ra3` with `retry-after`, `429reset20` with the provider's own header.
fn failure_with_waits(text: &str) -> Option<Failure> {
    let (status, retry_after, resets_after) = if let Some((status, seconds)) = text.split_once("ra") {
        (status, Some(seconds.parse().ok()?), None)
    } else if let Some((status, seconds)) = text.split_once("reset") {
        (status, None, Some(seconds.parse().ok()?))
    } else {
        (text, None, None)
    };
    Some(Failure {
        status: status.parse().ok()?,
        message: format!("scripted error {status}"),
        retry_after,
        resets_after,
        ..Failure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_component_names_the_failure() {
        let mut counts = FlakyCounts::default();
        let mut failure = |path| failure_of(path, &mut counts);
        let is_error = |ending: Option<Ending>, status, wait| matches!(ending, Some(Ending::Error(failure)) if failure.status == status && failure.retry_after == wait);
        assert!(is_error(failure("/err429ra3/v1/messages"), 429, Some(3)));
        assert!(is_error(failure("/err529/v1/messages"), 529, None));
        let reset = failure("/err429reset20/v1/responses");
        assert!(matches!(reset, Some(Ending::Error(failure)) if failure.resets_after == Some(20)));
        assert_eq!(failure("/hang/v1/messages"), Some(Ending::Hang));
        assert_eq!(failure("/v1/messages"), None);
        assert!(is_error(failure("/flaky2-529.a/v1/messages"), 529, None));
        assert!(is_error(failure("/flaky2-529.b/v1/messages"), 529, None));
        assert!(is_error(failure("/flaky2-529.a/v1/messages"), 529, None));
        assert_eq!(failure("/flaky2-529.a/v1/messages"), None);
        assert_eq!(failure("/flaky1-cut.d/v1/messages"), Some(Ending::Cut));
        assert_eq!(failure("/flaky1-cut.d/v1/messages"), None);
        assert!(is_error(failure("/flaky1-429ra20.c/v1/messages"), 429, Some(20)));
        assert_eq!(failure("/flaky1-429ra20.c/v1/messages"), None);
    }
}
