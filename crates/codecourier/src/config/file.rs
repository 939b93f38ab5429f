//! The configuration file: TOML, flattened to names with dots, with every unknown name refused.
//!
//! Invariant: a file that is not understood whole is not used at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::settings::SETTINGS;
use super::table::{Kind, Setting};
use crate::problem::Problem;

/// The longest file that is read.
const LONGEST: u64 = 1 << 20;

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    values: BTreeMap<String, String>,
}

impl ConfigFile {
    /// Reads a file. `None` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Problem> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > LONGEST => {
                return Err(Problem::usage(format!(
                    "{} is too long for a configuration.",
                    path.display()
                )));
            }
            _ => {}
        }
        let text =
            std::fs::read_to_string(path).map_err(|error| Problem::file("read the configuration", path, &error))?;
        Self::parse(path, &text).map(Some)
    }

    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let table: Table = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            // The parser's own text quotes the line, which may hold what somebody took for the place of a secret.
            Problem::usage(format!("{}, line {line}: {}", path.display(), error.message()))
        })?;
        let mut values = BTreeMap::new();
        let mut faults = Vec::new();
        flatten("", table, &mut values, &mut faults);
        for name in values.keys() {
            faults.extend(fault_of(name));
        }
        if faults.is_empty() {
            return Ok(Self {
                path: path.to_owned(),
                values,
            });
        }
        Err(Problem::usage(format!("{}: {}", path.display(), faults.join(" ")))
            .with_remedy("`codecourier config example` prints every setting with its meaning."))
    }

    /// The directory it is in: where its relative paths begin.
    pub(super) fn directory(&self) -> PathBuf {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned())
    }

    /// What it says of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

fn flatten(prefix: &str, table: Table, values: &mut BTreeMap<String, String>, faults: &mut Vec<String>) {
    for (key, value) in table {
        let name = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(inner) => flatten(&name, inner, values, faults),
            value => match text_of(value) {
                Some(text) => {
                    values.insert(name, text);
                }
                None => faults.push(format!("`{name}` has a value of a kind that no setting has.")),
            },
        }
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| match item {
                Value::String(text) => Some(text),
                _ => None,
            });
            let items = items.collect::<Option<Vec<_>>>()?;
            // Joined by commas as in the environment, unless that would take it apart otherwise than it was written.
            if items
                .iter()
                .any(|item| item.is_empty() || item.contains([',', '[']) || item.trim() != item)
            {
                return serde_json::to_string(&items).ok();
            }
            Some(items.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

/// What is wrong with a name.
fn fault_of(name: &str) -> Option<String> {
    if names().any(|known| known == name) {
        return None;
    }
    if let Some(secret) = SETTINGS
        .iter()
        .find(|setting| setting.kind == Kind::Secret && setting.name == name)
    {
        let key = secret.key();
        return Some(format!(
            "`{name}` is a secret, and secrets are not written into this file: name a file that holds it with \
             `{key}_file`, or a command that prints it with `{key}_command`."
        ));
    }
    let meant = nearest(name, names());
    Some(match meant {
        Some(meant) => format!("There is no setting `{name}`; `{meant}` may be meant."),
        None => format!("There is no setting `{name}`."),
    })
}

/// Every name that a file may have.
fn names() -> impl Iterator<Item = String> {
    SETTINGS.iter().flat_map(names_of)
}

/// The names of one setting in a file.
pub(super) fn names_of(setting: &Setting) -> Vec<String> {
    match setting.kind {
        Kind::Value | Kind::Optional => vec![setting.name.to_owned()],
        Kind::Secret => vec![format!("{}_file", setting.name), format!("{}_command", setting.name)],
    }
}

/// The name that was probably meant: few changes away, or the same last part.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let rated = known.map(|candidate| {
        let same_end = usize::from(last(&candidate) != last(name)) * 100;
        (distance(name, &candidate).min(same_end + 1), candidate)
    });
    rated
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 5)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be put in, taken out or exchanged.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Problem> {
        ConfigFile::parse(Path::new("/c.toml"), text)
    }

    #[test]
    fn tables_and_lists_are_read() {
        let file = parse("[server]\nlisten = \"[::]:1\"\ntrusted_proxies = [\"10.0.0.1\", \"::1\"]\n[smtp]\nport = 25")
            .unwrap();
        assert_eq!(file.get("server.listen"), Some("[::]:1"));
        assert_eq!(file.get("server.trusted_proxies"), Some("10.0.0.1,::1"));
        assert_eq!(file.get("smtp.port"), Some("25"));
        assert_eq!(file.get("smtp.host"), None);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_one_that_may_be_meant() {
        let message = |text| parse(text).unwrap_err().message;
        assert!(
            message("[server]\nlissten = \"x\"").contains("no setting `server.lissten`; `server.listen` may be meant")
        );
        assert!(message("listen = \"x\"").contains("`server.listen` may be meant"));
        let far = message("[weather]\nforecast = \"rain\"");
        assert!(
            far.contains("no setting `weather.forecast`.") && !far.contains("meant"),
            "{far}"
        );
        assert!(message("[server]\nlisten = 1979-05-27").contains("of a kind that no setting has"));
        assert!(message("a = [\n1").contains("/c.toml, line"));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        let problem = parse("[smtp]\npassword = \"canary\"").unwrap_err();
        assert!(problem.message.contains("`password_file`"), "{}", problem.message);
        assert!(!problem.message.contains("canary"));
        assert!(parse("[smtp]\npassword_file = \"/p\"").is_ok());
        let broken = parse("[smtp]\npassword = canary").unwrap_err();
        assert!(!broken.message.contains("canary"), "{}", broken.message);
    }
}
