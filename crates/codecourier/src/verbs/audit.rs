//! `codecourier audit`: who changed what in a project, and when.

use clap::{Args, ValueEnum};
use codecourier_wire::audit::AuditEntry;

use super::answer::Listing;
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Tone, data, time};
use crate::watch::Output;

/// The arguments of `audit`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only what this one did: `user:…`, `key:…`, as the log names them
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only this action, such as `member.remove`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Not before: `2026-01-31`, `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Write everything that fits to standard output, for a spreadsheet or a program
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "limit")]
    export: Option<Format>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// Shows it.
pub(crate) async fn audit(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments {
        actor,
        action,
        from,
        until,
        limit,
        export,
        place,
    } = arguments;
    let mut query: Vec<(&str, String)> = Vec::new();
    query.extend(actor.clone().map(|actor| ("actor", actor)));
    query.extend(action.clone().map(|action| ("action", action)));
    for (name, text) in [("from", from), ("until", until)] {
        if let Some(text) = text {
            query.push((name, moment(name, text)?));
        }
    }
    let remote = place.remote(config)?;
    if let Some(format) = export {
        let format = match format {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
        };
        query.push(("format", format.to_owned()));
        data::bytes(&remote.client.bytes_of(&remote.path("/audit/export"), &query).await?);
        return Ok(Exit::Completed);
    }
    let path = remote.path("/audit");
    let entries: Vec<AuditEntry> = remote.client.list_of(&path, &query, *limit as usize).await?;
    let listing = Listing {
        kind: "auditEntry",
        nothing: "Nothing of that kind is on record.",
    };
    Ok(listing.show(&entries, row, config, output))
}

fn row(entry: &AuditEntry) -> Vec<(Tone, String)> {
    let actor = entry.actor_name.as_ref().unwrap_or(&entry.actor);
    let detail = match &entry.detail {
        serde_json::Value::Object(fields) if fields.is_empty() => String::new(),
        serde_json::Value::Null => String::new(),
        detail => detail.to_string(),
    };
    vec![
        (Tone::Quiet, time::local(entry.at.into())),
        (Tone::Plain, actor.clone()),
        (Tone::Usable, entry.action.clone()),
        (Tone::Plain, entry.target.clone()),
        (Tone::Quiet, entry.address.clone().unwrap_or_default()),
        (Tone::Quiet, detail),
    ]
}

/// A moment as the API takes it. A day is meant in the local time zone, from its beginning.
fn moment(name: &str, text: &str) -> Result<String, Problem> {
    let of_day = || {
        let day: jiff::civil::Date = text.parse().ok()?;
        let begin = day.to_zoned(jiff::tz::TimeZone::system()).ok()?;
        Some(begin.timestamp())
    };
    let at = text.parse::<jiff::Timestamp>().ok().or_else(of_day);
    at.map(|at| at.to_string()).ok_or_else(|| {
        Problem::usage(format!("--{name}: `{text}` is no time."))
            .with_remedy("Write a day as 2026-01-31, a moment as 2026-01-31T12:00:00Z.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_or_a_moment() {
        assert_eq!(
            moment("from", "2026-01-31T12:00:00+02:00").unwrap(),
            "2026-01-31T10:00:00Z"
        );
        assert!(moment("from", "2026-01-31").unwrap().starts_with("2026-01-"));
        for text in ["", "yesterday", "2026-02-30", "12:00"] {
            let problem = moment("until", text).unwrap_err();
            assert!(problem.message.starts_with("--until: "), "{}", problem.message);
        }
    }
}
