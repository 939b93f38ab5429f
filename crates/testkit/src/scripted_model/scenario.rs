//! Failures that the URL asks for, whatever the script says. Pure but for the counting of `flaky`.

use std::collections::HashMap;

use super::answer::Ending;

/// How often each flaky tag was asked: the only state of the scripted model.
#[derive(Debug, Default)]
pub(super) struct FlakyCounts(HashMap<String, u32>);

/// The failure for a path, if its first component names one.
pub(super) fn failure_of(path: &str, counts: &mut FlakyCounts) -> Option<Ending> {
    let component = path.trim_start_matches('/').split('/').next()?;
    match component {
        "hang" => return Some(Ending::Hang),
        "hang-stream" => return Some(Ending::HangStream),
        "cut" => return Some(Ending::Cut),
        "redirect" => return Some(Ending::Redirect),
        "garbage" => return Some(Ending::Garbage),
        "stream-error" => {
            return Some(Ending::StreamError {
                kind: "overloaded_error".to_owned(),
                message: "Overloaded".to_owned(),
            });
        }
        _ => {}
    }
    if let Some(status) = component.strip_prefix("err") {
        let (status, wait) = status.split_once("ra").unwrap_or((status, ""));
        return Some(Ending::Error {
            status: status.parse().ok()?,
            retry_after: wait.parse().ok(),
            message: format!("scripted error {status}"),
        });
    }
    let (times, rest) = component.strip_prefix("flaky")?.split_once('-')?;
    let (status, _tag) = rest.split_once('.').unwrap_or((rest, ""));
    let times: u32 = times.parse().ok()?;
    let status = status.parse().ok()?;
    let asked = counts.0.entry(component.to_owned()).or_default();
    *asked += 1;
    (*asked <= times).then(|| Ending::Error {
        status,
        retry_after: None,
        message: format!("scripted error {status}, {asked} of {times}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_component_names_the_failure() {
        let mut counts = FlakyCounts::default();
        let mut failure = |path| failure_of(path, &mut counts);
        let is_error = |ending: Option<Ending>, status, wait| matches!(ending, Some(Ending::Error { status: got, retry_after, .. }) if got == status && retry_after == wait);
        assert!(is_error(failure("/err429ra3/v1/messages"), 429, Some(3)));
        assert!(is_error(failure("/err529/v1/messages"), 529, None));
        assert_eq!(failure("/hang/v1/messages"), Some(Ending::Hang));
        assert_eq!(failure("/v1/messages"), None);
        assert!(is_error(failure("/flaky2-529.a/v1/messages"), 529, None));
        assert!(is_error(failure("/flaky2-529.b/v1/messages"), 529, None));
        assert!(is_error(failure("/flaky2-529.a/v1/messages"), 529, None));
        assert_eq!(failure("/flaky2-529.a/v1/messages"), None);
    }
}
