//! What the environment and the configuration file say. The one place that reads them.
//!
//! [`Settings`] is what an installation can set, from flags, environment, file and defaults; [`Config`] is that, with what
//! this process takes from its surroundings. Invariants: both are read once, at the start; secrets are wrapped at once and
//! shown by nothing; everything else of the program takes values from here as arguments.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the lint points to: it reads the environment once"
)]

mod accounts;
pub(crate) mod example;
mod external;
pub(crate) mod file;
pub(crate) mod given;
pub(crate) mod secret;
pub(crate) mod settings;
pub(crate) mod surroundings;
pub(crate) mod table;
pub(crate) mod value;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use codecourier_engine::agents::AcpAgent;
use codecourier_engine::vault::MasterKeySource;
use codecourier_forge::GitSettings;
use codecourier_gateway::{
    Destination, EgressConfig, GatewayConfig, KeysByProvider, OutboundProxy, Provider, ProviderKey,
};
use codecourier_store::StoreConfig;
use parking_lot::RwLock;
use secrecy::SecretString;

use crate::data_directory::DataDirectory;
use crate::problem::Problem;
use file::ConfigFile;
use given::{Explained, Flags, Given, Variables};
use settings::Settings;
use surroundings::{base_url, data_directory_of, egress_proxies, git_environment, outbound_proxy, unknown_variables};

/// The configuration of the whole machine, where the data directory has none of its own.
const OF_THE_MACHINE: &str = "/etc/codecourier/config.toml";

/// Where the key for the model came from. For people; the key itself is elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// `ANTHROPIC_API_KEY`.
    ApiKey,
    /// `ANTHROPIC_AUTH_TOKEN`.
    AuthToken,
}

impl KeyOrigin {
    /// The setting it is.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::ApiKey => "models.anthropic_api_key",
            Self::AuthToken => "models.anthropic_auth_token",
        }
    }
}

/// A base URL, checked.
fn base_url_of(setting: &str, text: Option<&str>) -> Result<Option<String>, Problem> {
    text.map(|text| base_url(setting, text)).transpose()
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourWish {
    /// On a terminal.
    Automatic,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// Whether the locale can show more than ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Characters {
    /// UTF-8.
    Unicode,
    /// Nothing but ASCII.
    Ascii,
}

/// The settings of this process, and what it takes from its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What can be set.
    pub(crate) settings: Settings,
    /// What counts for each setting, and why.
    pub(crate) explained: Vec<Explained>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// Variables that look like settings and are none, with what may be meant.
    pub(crate) unknown_variables: Vec<(String, Option<String>)>,
    /// Whether somebody named the data directory on the command line.
    pub(crate) names_data_directory: bool,
    /// The data directory, absolute.
    pub(crate) data_directory: PathBuf,
    /// The texts that the log must never hold.
    pub(crate) secrets: Secrets,
    /// Where the model's API is, if it is not the provider's own.
    pub(crate) anthropic_base_url: Option<String>,
    /// The same of OpenAI's.
    pub(crate) openai_base_url: Option<String>,
    /// The same of OpenRouter's.
    pub(crate) openrouter_base_url: Option<String>,
    /// The HTTP proxy for the way to the model.
    pub(crate) outbound_proxy: Option<SecretString>,
    /// The same for the way out of a subscription's login, for those of its hosts that are not excepted.
    egress_proxies: HashMap<Destination, OutboundProxy>,
    /// The search path for programs.
    pub(crate) search_path: OsString,
    /// What Git gets of the environment.
    pub(crate) git_environment: Vec<(String, OsString)>,
    /// When to use colours.
    pub(crate) colours: ColourWish,
    /// What the locale can show.
    pub(crate) characters: Characters,
    /// Whether the terminal can move its cursor.
    pub(crate) has_dumb_terminal: bool,
    /// What a client of a server is told by the environment.
    pub(crate) client: ClientSurroundings,
    /// What the service manager passes on.
    pub(crate) service: ServiceSurroundings,
    key: OnceLock<Option<(KeyOrigin, ProviderKey)>>,
}

/// What the command line says of the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Invocation {
    /// The file to read.
    pub(crate) file: Option<PathBuf>,
    /// The data directory.
    pub(crate) data_directory: Option<PathBuf>,
    /// The settings.
    pub(crate) flags: Flags,
}

/// What a client of a server is told by the environment.
#[derive(Debug, Clone)]
pub(crate) struct ClientSurroundings {
    /// Where credentials are kept.
    pub(crate) credentials: Option<PathBuf>,
    /// The server, from `CODECOURIER_URL`.
    pub(crate) url: Option<String>,
    /// The credential, from `CODECOURIER_API_KEY`.
    pub(crate) api_key: Option<value::Secret>,
    /// The project, from `CODECOURIER_PROJECT`.
    pub(crate) project: Option<String>,
    /// The editor, from `VISUAL` or `EDITOR`.
    pub(crate) editor: Option<String>,
}

/// What the service manager passes on to a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceSurroundings {
    /// The process that sockets are meant for.
    pub(crate) listen_pid: Option<String>,
    /// How many sockets there are.
    pub(crate) listen_fds: Option<String>,
    /// Where the service's state is told.
    pub(crate) notify_socket: Option<OsString>,
}

/// Texts to keep out of the log. Cheap to clone; what is added to one is in all of them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<RwLock<Vec<String>>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secrets({})", self.0.read().len())
    }
}

impl Secrets {
    /// Adds a text, also as it looks inside a JSON string.
    pub(crate) fn add(&self, text: &str) {
        let escaped = serde_json::Value::from(text).to_string();
        let escaped = escaped.trim_matches('"');
        let mut texts = self.0.write();
        for form in [text, escaped] {
            if !form.is_empty() && !texts.iter().any(|known| known == form) {
                texts.push(form.to_owned());
            }
        }
    }

    /// The texts.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.read().clone()
    }

    #[cfg(test)]
    pub(crate) fn of(texts: &[&str]) -> Self {
        let secrets = Self::default();
        texts.iter().for_each(|text| secrets.add(text));
        secrets
    }
}

impl Config {
    /// Reads the environment and the configuration file.
    pub(crate) fn read(invocation: Invocation) -> Result<Self, Problem> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let mut config = Self::from(invocation, Path::new(OF_THE_MACHINE), &|name| {
            std::env::var_os(name).filter(|value| !value.is_empty())
        })?;
        config.unknown_variables = unknown_variables(names);
        Ok(config)
    }

    fn from(invocation: Invocation, of_the_machine: &Path, variable: Variables<'_>) -> Result<Self, Problem> {
        let Invocation {
            file,
            data_directory: given_directory,
            flags,
        } = invocation;
        let flag = given_directory.as_ref().map(|path| path.display().to_string());
        let names_data_directory = flag.is_some();
        let flags = flags.with("--data-dir", "data_dir", flag);
        let given_directory = given_directory.or_else(|| variable("CODECOURIER_DATA_DIR").map(PathBuf::from));
        let usual_directory = data_directory_of(given_directory.as_deref(), variable);
        let named = file.or_else(|| variable("CODECOURIER_CONFIG").map(PathBuf::from));
        let file = match named {
            Some(path) => Some(
                ConfigFile::read(&path)?
                    .ok_or_else(|| Problem::usage(format!("There is no configuration at {}.", path.display())))?,
            ),
            None => usual_file(usual_directory.as_deref().ok(), of_the_machine)?,
        };
        let secrets = Secrets::default();
        let path = file.as_ref().map(|file| file.path.clone());
        let mut given = Given::new(flags, variable, file, secrets.clone());
        let settings = Settings::read(&mut given)?;
        let mut explained = given.into_explained();
        let data_directory = match (given_directory, &settings.data_dir) {
            (Some(_), _) | (None, None) => usual_directory?,
            (None, Some(path)) => path.clone(),
        };
        for entry in explained.iter_mut().filter(|entry| entry.name == "data_dir") {
            entry.value = Some(data_directory.display().to_string());
        }
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let anthropic_base_url = base_url_of("ANTHROPIC_BASE_URL", settings.anthropic_base_url.as_deref())?;
        let openai_base_url = base_url_of("OPENAI_BASE_URL", settings.openai_base_url.as_deref())?;
        let openrouter_base_url = base_url_of("models.openrouter_base_url", settings.openrouter_base_url.as_deref())?;
        let egress_proxies = egress_proxies(&settings.egress_claude_hosts.0, &text)?;
        let outbound_proxy = outbound_proxy(anthropic_base_url.as_deref(), &text).map(SecretString::from);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| text(name));
        let api_key = text("CODECOURIER_API_KEY").map(|key| key.trim().to_owned());
        if let Some(key) = &api_key {
            secrets.add(key);
        }
        Ok(Self {
            settings,
            explained,
            file: path,
            unknown_variables: Vec::new(),
            names_data_directory,
            data_directory,
            secrets,
            anthropic_base_url,
            openai_base_url,
            openrouter_base_url,
            outbound_proxy,
            egress_proxies,
            search_path: variable("PATH").unwrap_or_else(|| OsString::from(surroundings::STANDARD_SEARCH_PATH)),
            git_environment: git_environment(variable),
            colours: match (variable("NO_COLOR"), text("CLICOLOR_FORCE").as_deref()) {
                (Some(_), _) => ColourWish::Never,
                (None, Some("0") | None) => ColourWish::Automatic,
                (None, Some(_)) => ColourWish::Always,
            },
            // No locale at all is what containers and service managers give; their terminals are UTF-8 all the same.
            characters: match locale {
                Some(locale) if !locale.to_ascii_lowercase().replace('-', "").contains("utf8") => Characters::Ascii,
                Some(_) | None => Characters::Unicode,
            },
            has_dumb_terminal: text("TERM").is_some_and(|terminal| terminal == "dumb"),
            client: ClientSurroundings {
                credentials: surroundings::credentials_file(variable),
                url: text("CODECOURIER_URL"),
                api_key: api_key.map(value::Secret::new),
                project: text("CODECOURIER_PROJECT"),
                editor: text("VISUAL").or_else(|| text("EDITOR")),
            },
            service: ServiceSurroundings {
                listen_pid: text("LISTEN_PID"),
                listen_fds: text("LISTEN_FDS"),
                notify_socket: variable("NOTIFY_SOCKET"),
            },
            key: OnceLock::new(),
        })
    }

    /// The key for the model, and where it came from. Read when it is needed: it may come from a command.
    pub(crate) fn key(&self) -> Result<Option<(KeyOrigin, ProviderKey)>, Problem> {
        if let Some(known) = self.key.get() {
            return Ok(known.clone());
        }
        let Settings {
            anthropic_api_key,
            anthropic_auth_token,
            ..
        } = &self.settings;
        let key = match (anthropic_api_key, anthropic_auth_token) {
            (Some(source), _) => {
                let key = ProviderKey::api_key(source.read()?.expose().to_owned());
                Some((KeyOrigin::ApiKey, key))
            }
            (None, Some(source)) => {
                let key = ProviderKey::bearer(source.read()?.expose().to_owned());
                Some((KeyOrigin::AuthToken, key))
            }
            (None, None) => None,
        };
        Ok(self.key.get_or_init(|| key).clone())
    }

    /// The keys of every provider, for projects that have none of their own.
    pub(crate) fn model_keys(&self) -> Result<KeysByProvider, Problem> {
        let mut keys = KeysByProvider::default();
        if let Some((_, key)) = self.key()? {
            keys.set(Provider::Anthropic, key);
        }
        let others = [
            (Provider::Openai, &self.settings.openai_api_key, &self.openai_base_url),
            (
                Provider::Openrouter,
                &self.settings.openrouter_api_key,
                &self.openrouter_base_url,
            ),
        ];
        for (provider, source, base_url) in others {
            match (source, base_url) {
                (Some(source), _) => keys.set(provider, ProviderKey::bearer(source.read()?.expose().to_owned())),
                // A server of one's own may take no key, and then it takes any.
                (None, Some(_)) => keys.set(provider, ProviderKey::bearer("none")),
                (None, None) => {}
            }
        }
        Ok(keys)
    }

    /// How the agent `acp` is started in projects that do not say it themselves.
    pub(crate) fn acp(&self) -> Result<Option<AcpAgent>, Problem> {
        let Some(command) = self.settings.acp_command.clone() else {
            return Ok(None);
        };
        let variables = self.settings.acp_environment.0.iter();
        let acp = AcpAgent {
            command,
            template: self.settings.acp_template,
            environment: variables
                .map(|variable| (variable.name.clone(), variable.value.clone()))
                .collect(),
        };
        acp.validate()?;
        Ok(Some(acp))
    }

    /// Where the master keys are that seal the secrets in the database.
    pub(crate) fn master_keys(&self, directory: &DataDirectory) -> Result<MasterKeySource, Problem> {
        Ok(match &self.settings.master_key {
            Some(source) => MasterKeySource::Text {
                keys: source.read()?.expose().to_owned().into(),
                origin: "the setting `encryption.master_key`".to_owned(),
            },
            None => MasterKeySource::File(directory.master_key()),
        })
    }

    /// The database.
    pub(crate) fn store(&self) -> Result<StoreConfig, Problem> {
        match &self.settings.database_url {
            Some(source) => Ok(StoreConfig::Postgres {
                url: source.read()?.expose().to_owned(),
            }),
            None => Ok(StoreConfig::Sqlite {
                path: DataDirectory::at(&self.data_directory).database(),
            }),
        }
    }

    /// Whether anything was ever kept here.
    pub(crate) fn has_records(&self) -> bool {
        self.settings.database_url.is_some() || DataDirectory::at(&self.data_directory).database().exists()
    }

    /// The gateway's settings.
    pub(crate) fn gateway(&self) -> Result<GatewayConfig, Problem> {
        let mut gateway =
            GatewayConfig::new().map_err(|error| Problem::internal("Reading the built-in price list", &error))?;
        if let Some(url) = &self.anthropic_base_url {
            gateway.anthropic_base_url.clone_from(url);
        }
        if let Some(url) = &self.openai_base_url {
            gateway.services.openai.clone_from(url);
        }
        if let Some(url) = &self.openrouter_base_url {
            gateway.services.openrouter.clone_from(url);
        }
        gateway.outbound_proxy.clone_from(&self.outbound_proxy);
        gateway.egress = self.egress()?;
        Ok(gateway)
    }

    /// What a subscription's login reaches.
    fn egress(&self) -> Result<EgressConfig, Problem> {
        let certificates = self.settings.egress_claude_certificates.as_ref().map(|path| {
            let read = std::fs::read_to_string(path);
            read.map_err(|error| Problem::file("read", path, &error))
        });
        Ok(EgressConfig {
            claude: self.settings.egress_claude_hosts.0.clone(),
            claude_address: self.settings.egress_claude_address,
            proxies: self.egress_proxies.clone(),
            claude_certificates: certificates.transpose()?.map(Arc::from),
            ..EgressConfig::default()
        })
    }

    /// How to find and run Git.
    pub(crate) fn git(&self) -> GitSettings {
        GitSettings {
            search_path: Some(self.search_path.clone()),
            environment: self.git_environment.clone(),
            ..GitSettings::default()
        }
    }
}

/// The data directory's own file, or the machine's. The machine's is for its service: whoever may not read it has none.
fn usual_file(data_directory: Option<&Path>, of_the_machine: &Path) -> Result<Option<ConfigFile>, Problem> {
    if let Some(directory) = data_directory {
        let path = directory.join("config.toml");
        if let Some(file) = ConfigFile::read(&path)? {
            if file.get("data_dir").is_some() {
                return Err(Problem::usage(format!(
                    "{} is in a data directory and names one. Take `data_dir` out of it.",
                    path.display()
                )));
            }
            return Ok(Some(file));
        }
    }
    match std::fs::File::open(of_the_machine) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
        _ => ConfigFile::read(of_the_machine),
    }
}

#[cfg(test)]
mod tests;
