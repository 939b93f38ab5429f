//! The audit log as a file: comma-separated values for people, JSON lines for machines.

use std::net::IpAddr;

use bytes::Bytes;
use codecourier_domain::time::Timestamp;
use futures::stream::{self, Stream};
use serde::Serialize;

use super::Audit;
use super::list::{AuditEntryView, AuditFilter, page};
use crate::access::ProjectGrant;
use crate::error::Error;

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values (RFC 4180), with a first line of names.
    Csv,
    /// A JSON object per line.
    JsonLines,
}

/// How many entries are read at a time.
const ENTRIES_READ: u32 = 500;

const CSV_NAMES: &str = "id,at,actor,actorName,action,targetKind,target,detail,address\r\n";

impl Audit {
    /// The log as a file, the newest entry first, piece by piece. It ends with what was there when it began.
    pub fn export(
        &self,
        grant: &ProjectGrant,
        mut filter: AuditFilter,
        format: ExportFormat,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static + use<> {
        let now = self.engine.clock.now();
        // What is appended meanwhile would not be seen in any case: the entries get older from page to page.
        filter.until = Some(filter.until.map_or(now.plus_milliseconds(1), |until| until));
        let (store, grant) = (self.engine.store.clone(), grant.clone());
        let begin = Some((None, true));
        stream::try_unfold(begin, move |place| {
            let (store, grant, filter) = (store.clone(), grant.clone(), filter.clone());
            async move {
                let Some((after, is_first)) = place else {
                    return Ok(None);
                };
                let page = page(&store, &grant, &filter, after, ENTRIES_READ).await?;
                let mut text = String::new();
                if is_first && format == ExportFormat::Csv {
                    text.push_str(CSV_NAMES);
                }
                for entry in &page.items {
                    match format {
                        ExportFormat::Csv => write_csv(&mut text, entry),
                        ExportFormat::JsonLines => write_json(&mut text, entry)?,
                    }
                }
                let next = page.next.map(|next| (Some(next), false));
                Ok(Some((Bytes::from(text), next)))
            }
        })
    }
}

fn write_csv(text: &mut String, entry: &AuditEntryView) {
    let cells = [
        entry.id.to_string(),
        rfc_3339(entry.at),
        entry.actor.to_string(),
        entry.actor_name.clone().unwrap_or_default(),
        entry.action.clone(),
        entry.target_kind.clone(),
        entry.target.clone(),
        entry.detail.to_string(),
        entry.address.map(|address| address.to_string()).unwrap_or_default(),
    ];
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_cell(text, cell);
    }
    text.push_str("\r\n");
}

/// A cell in quotes. One that a spreadsheet would take for a formula gets an apostrophe before it, after which it is text
/// for each of them; so does one that begins with white space, behind which some look for a formula too.
fn write_cell(text: &mut String, cell: &str) {
    text.push('"');
    let is_formula = |first: char| {
        matches!(
            first,
            '=' | '+' | '-' | '@' | '|' | '%' | '\u{FF1D}' | '\u{FF0B}' | '\u{FF0D}' | '\u{FF20}'
        )
    };
    if cell
        .chars()
        .next()
        .is_some_and(|first| is_formula(first) || first.is_whitespace() || first.is_control())
    {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'e> {
    id: String,
    at: String,
    actor: String,
    actor_name: Option<&'e str>,
    action: &'e str,
    target_kind: &'e str,
    target: &'e str,
    detail: &'e serde_json::Value,
    address: Option<IpAddr>,
}

fn write_json(text: &mut String, entry: &AuditEntryView) -> Result<(), Error> {
    let line = Line {
        id: entry.id.to_string(),
        at: rfc_3339(entry.at),
        actor: entry.actor.to_string(),
        actor_name: entry.actor_name.as_deref(),
        action: &entry.action,
        target_kind: &entry.target_kind,
        target: &entry.target,
        detail: &entry.detail,
        address: entry.address,
    };
    let json = serde_json::to_string(&line);
    text.push_str(&json.map_err(|error| Error::internal("Writing the audit log", error))?);
    text.push('\n');
    Ok(())
}

fn rfc_3339(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.milliseconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_becomes_a_formula() {
        let cell = |text: &str| {
            let mut cell = String::new();
            write_cell(&mut cell, text);
            cell
        };
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "|cmd", "＝1"] {
            assert_eq!(cell(formula), format!("\"'{formula}\""));
        }
        assert_eq!(cell("a \"quoted\", =cell"), "\"a \"\"quoted\"\", =cell\"");
        assert_eq!(cell(""), "\"\"");
    }
}
