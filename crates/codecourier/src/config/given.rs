//! What is given for the settings, by whom, and which of it counts: the command line before the environment before the
//! file before the default.
//!
//! Invariant: what `config explain` tells is noted down where the choice is made, so that it cannot tell anything else.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Secrets;
use super::file::{ConfigFile, nearest};
use super::secret::{Place, SecretSource};
use super::settings::{ALIASES, SETTINGS};
use super::table::{Kind, Setting};
use super::value::{Secret, Value};
use crate::problem::Problem;

/// Reads a variable of the environment.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Everything that is given.
pub(crate) struct Given<'a> {
    flags: Vec<(String, String, String)>,
    variables: Variables<'a>,
    file: Option<ConfigFile>,
    secrets: Secrets,
    explained: Vec<Explained>,
}

/// What counts for one setting, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    /// The setting.
    pub(crate) name: &'static str,
    /// Its value; a secret's is `set`. `None` when it is absent.
    pub(crate) value: Option<String>,
    /// Who said so.
    pub(crate) source: Source,
}

/// Who said what a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag of the command line.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// The configuration file.
    File(PathBuf),
    /// Nobody.
    Default,
}

impl Source {
    /// In words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Flag(flag) => flag.clone(),
            Self::Variable(name) => name.clone(),
            Self::File(path) => path.display().to_string(),
            Self::Default => "default".to_owned(),
        }
    }
}

/// What the command line gives: `--set NAME=VALUE` and flags of their own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    given: Vec<(String, String, String)>,
}

impl Flags {
    /// A flag that stands for a setting.
    pub(crate) fn with(mut self, flag: &str, name: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.given.push((name.to_owned(), value, flag.to_owned()));
        }
        self
    }

    /// The settings of `--set`.
    pub(crate) fn with_sets(mut self, sets: &[String]) -> Result<Self, Problem> {
        for set in sets {
            let Some((name, value)) = set.split_once('=') else {
                return Err(Problem::usage(
                    "--set takes NAME=VALUE, such as --set accounts.sign_up=closed.",
                ));
            };
            match SETTINGS.iter().find(|setting| setting.name == name) {
                Some(setting) if setting.kind == Kind::Secret => {
                    return Err(Problem::usage(format!(
                        "`{name}` is a secret, and everybody on this machine can read a command line."
                    ))
                    .with_remedy(format!(
                        "Give it in the environment as {0}, or name a file that holds it with {0}_FILE.",
                        setting.variable()
                    )));
                }
                Some(_) => self.given.push((name.to_owned(), value.to_owned(), "--set".to_owned())),
                None => {
                    let meant = nearest(name, SETTINGS.iter().map(|setting| setting.name.to_owned()));
                    let meant = meant.map_or(String::new(), |meant| format!("; `{meant}` may be meant"));
                    return Err(Problem::usage(format!("--set: There is no setting `{name}`{meant}.")));
                }
            }
        }
        Ok(self)
    }
}

impl<'a> Given<'a> {
    pub(super) fn new(flags: Flags, variables: Variables<'a>, file: Option<ConfigFile>, secrets: Secrets) -> Self {
        Self {
            flags: flags.given,
            variables,
            file,
            secrets,
            explained: Vec::new(),
        }
    }

    /// What was told of each setting that was read.
    pub(super) fn into_explained(self) -> Vec<Explained> {
        self.explained
    }

    /// A setting with a default.
    pub(super) fn value<T: Value>(&mut self, setting: &'static Setting) -> Result<T, Problem> {
        let (text, source) = self
            .text(setting)?
            .unwrap_or_else(|| (setting.text.to_owned(), Source::Default));
        self.parse(setting, &text, source)
    }

    /// A setting that may be absent.
    pub(super) fn optional<T: Value>(&mut self, setting: &'static Setting) -> Result<Option<T>, Problem> {
        match self.text(setting)? {
            Some((text, source)) => self.parse(setting, &text, source).map(Some),
            None => {
                self.explain(setting, None, Source::Default);
                Ok(None)
            }
        }
    }

    /// A secret.
    pub(super) fn secret(&mut self, setting: &'static Setting) -> Result<Option<SecretSource>, Problem> {
        let Some((place, source)) = self.place(setting)? else {
            self.explain(setting, None, Source::Default);
            return Ok(None);
        };
        let shown = match &place {
            Place::Given(_) => "set".to_owned(),
            Place::File(path) => format!("set, in the file {}", path.display()),
            Place::Command(_) => "set, by a command".to_owned(),
        };
        self.explain(setting, Some(shown), source);
        Ok(Some(SecretSource::new(setting, place, self.secrets.clone())))
    }

    fn place(&self, setting: &Setting) -> Result<Option<(Place, Source)>, Problem> {
        let variable = setting.variable();
        let file = format!("{variable}_FILE");
        let command = format!("{variable}_COMMAND");
        let own = [
            self.variable(&variable)?.map(|text| (given(&text), variable.clone())),
            self.variable(&file)?
                .map(|text| (Place::File(PathBuf::from(text)), file)),
            self.variable(&command)?.map(|text| (Place::Command(text), command)),
        ];
        let mut own = own.into_iter().flatten();
        match (own.next(), own.next()) {
            (None, _) => {}
            (Some((place, name)), None) => return Ok(Some((place, Source::Variable(name)))),
            (Some(_), Some(_)) => return Err(Problem::usage(format!("{variable} is given in more than one way."))),
        }
        for alias in aliases_of(setting) {
            if let Some(text) = self.variable(alias)?.filter(|text| !text.trim().is_empty()) {
                return Ok(Some((given(&text), Source::Variable(alias.to_owned()))));
            }
        }
        let Some(config) = &self.file else { return Ok(None) };
        let source = || Source::File(config.path.clone());
        let in_file = config.get(&format!("{}_file", setting.name));
        match (in_file, config.get(&format!("{}_command", setting.name))) {
            (Some(_), Some(_)) => Err(Problem::usage(format!(
                "{}: `{}` is given in more than one way.",
                config.path.display(),
                setting.name
            ))),
            (Some(path), None) => Ok(Some((Place::File(config.directory().join(path)), source()))),
            (None, Some(command)) => Ok(Some((Place::Command(command.to_owned()), source()))),
            (None, None) => Ok(None),
        }
    }

    fn text(&self, setting: &Setting) -> Result<Option<(String, Source)>, Problem> {
        let flag = self.flags.iter().rev().find(|(name, ..)| name == setting.name);
        if let Some((_, value, flag)) = flag {
            return Ok(Some((value.clone(), Source::Flag(flag.clone()))));
        }
        let aliases = aliases_of(setting).map(str::to_owned);
        for name in std::iter::once(setting.variable()).chain(aliases) {
            if let Some(text) = self.variable(&name)? {
                return Ok(Some((text, Source::Variable(name))));
            }
        }
        Ok(self.file.as_ref().and_then(|file| {
            let text = file.get(setting.name)?;
            // A path is beside the configuration when it is relative, wherever the program was started.
            let text = if setting.form == PathBuf::FORM {
                file.directory().join(text).display().to_string()
            } else {
                text.to_owned()
            };
            Some((text, Source::File(file.path.clone())))
        }))
    }

    fn variable(&self, name: &str) -> Result<Option<String>, Problem> {
        match (self.variables)(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(Problem::usage(format!("The variable {name} is not UTF-8."))),
        }
    }

    fn parse<T: Value>(&mut self, setting: &'static Setting, text: &str, source: Source) -> Result<T, Problem> {
        let Some(value) = T::parse(text) else {
            let shown: String = text.chars().take(200).collect();
            return Err(Problem::usage(format!(
                "`{}` cannot be `{shown}` (from {}). It takes {}.",
                setting.name,
                source.words(),
                setting.form
            )));
        };
        self.explain(setting, Some(value.show()), source);
        Ok(value)
    }

    fn explain(&mut self, setting: &'static Setting, value: Option<String>, source: Source) {
        self.explained.push(Explained {
            name: setting.name,
            value,
            source,
        });
    }
}

fn given(text: &str) -> Place {
    Place::Given(Secret::new(text.trim().to_owned()))
}

fn aliases_of(setting: &Setting) -> impl Iterator<Item = &'static str> {
    let name = setting.name;
    ALIASES
        .iter()
        .filter(move |(known, _)| *known == name)
        .map(|(_, alias)| *alias)
}
