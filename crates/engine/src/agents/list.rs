//! Every agent with what it can do and whether it can work here.

use std::collections::BTreeMap;
use std::sync::Arc;

use codecourier_agents::Capabilities;
use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route;
use codecourier_domain::provider::ModelProvider;
use codecourier_gateway::PriceTable;

use super::AcpAgent;
use crate::access::ProjectGrant;
use crate::error::Error;
use crate::settings::Settings;
use crate::templates::TemplateName;
use crate::{Engine, Inner};

/// The use cases of agents.
#[derive(Clone)]
pub struct Agents {
    engine: Arc<Inner>,
}

impl Engine {
    /// The coding agents.
    #[must_use]
    pub fn agents(&self) -> Agents {
        Agents {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// An agent, as people choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// Which.
    pub agent: AgentKind,
    /// The template its sandboxes start from.
    pub template: TemplateName,
    /// The version of its program in new sandboxes, where the template has one.
    pub version: Option<String>,
    /// The version that this CodeCourier was tested with; of an ACP agent the protocol's.
    pub tested_version: &'static str,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The model when nobody names one.
    pub default_model: &'static str,
    /// Models that are known by name. It takes others too.
    pub models: Vec<KnownModel>,
    /// The providers it can reach models at, and whether there is a key.
    pub providers: Vec<(ModelProvider, KeyPresence)>,
    /// Why it cannot work here now, if it cannot.
    pub problem: Option<String>,
}

/// A model that is known by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownModel {
    /// Its name.
    pub name: String,
    /// The provider that it is reached at.
    pub provider: ModelProvider,
}

/// Whether there is a key for a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPresence {
    /// The project's own.
    Project,
    /// The server's, for projects that have none.
    Server,
    /// None.
    Missing,
}

/// What the agents of a place depend on.
pub struct Surroundings<'a> {
    /// How the agent `acp` is started, if it is.
    pub acp: Option<&'a AcpAgent>,
    /// Where there are keys.
    pub keys: BTreeMap<ModelProvider, KeyPresence>,
    /// The models that are known.
    pub models: &'a [KnownModel],
    /// The version of the agent's program in a template.
    pub version: &'a dyn Fn(TemplateName) -> Option<String>,
}

impl Agents {
    /// Every agent as it is for projects that have no keys and settings of their own.
    pub fn of_server(&self) -> Vec<AgentView> {
        self.all(self.engine.acp.as_ref(), self.server_keys())
    }

    /// Every agent as it is in a project.
    pub async fn of_project(&self, grant: &ProjectGrant) -> Result<Vec<AgentView>, Error> {
        let settings = Settings {
            engine: Arc::clone(&self.engine),
        };
        let acp = settings.acp_of(grant.project).await?;
        let own = self.engine.store.read().await?.provider_keys(grant.project).await?;
        let mut keys = self.server_keys();
        for provider in ModelProvider::ALL {
            if own.iter().any(|key| key.provider == provider.key()) {
                keys.insert(provider, KeyPresence::Project);
            }
        }
        Ok(self.all(acp.as_ref(), keys))
    }

    fn all(&self, acp: Option<&AcpAgent>, keys: BTreeMap<ModelProvider, KeyPresence>) -> Vec<AgentView> {
        let surroundings = Surroundings {
            acp,
            keys,
            models: &self.engine.known_models,
            version: &|template| self.engine.templates.version(template),
        };
        let all = AgentKind::ALL.into_iter();
        all.map(|agent| describe(agent, &surroundings)).collect()
    }

    fn server_keys(&self) -> BTreeMap<ModelProvider, KeyPresence> {
        let keys = ModelProvider::ALL.into_iter().map(|provider| {
            let presence = if self.engine.server_keys.has(provider.into()) {
                KeyPresence::Server
            } else {
                KeyPresence::Missing
            };
            (provider, presence)
        });
        keys.collect()
    }
}

/// An agent as it is in some surroundings.
#[must_use]
pub fn describe(agent: AgentKind, surroundings: &Surroundings<'_>) -> AgentView {
    let presence = |provider: &ModelProvider| {
        let key = surroundings.keys.get(provider).copied();
        (*provider, key.unwrap_or(KeyPresence::Missing))
    };
    let providers: Vec<(ModelProvider, KeyPresence)> = model_route::providers(agent).iter().map(presence).collect();
    let command = surroundings.acp.map(|acp| &acp.command);
    let adapter = codecourier_agents::adapter_with(agent, command);
    let template = TemplateName::of(agent, surroundings.acp);
    let reaches = |model: &&KnownModel| providers.iter().any(|(provider, _)| *provider == model.provider);
    let default_model = model_route::default_model(agent);
    AgentView {
        agent,
        template,
        version: (surroundings.version)(template),
        tested_version: adapter.as_ref().map_or("", |adapter| adapter.tested_version()),
        capabilities: Capabilities::of(agent),
        default_model,
        models: surroundings.models.iter().filter(reaches).cloned().collect(),
        problem: if adapter.is_none() {
            Some("No command is configured that starts it.".to_owned())
        } else if providers.iter().all(|(_, key)| *key == KeyPresence::Missing) {
            let names: Vec<&str> = providers.iter().map(|(provider, _)| provider.display_name()).collect();
            Some(format!("There is no key for {}.", names.join(", or for ")))
        } else {
            None
        },
        providers,
    }
}

/// The models of a price list, newest family first as they stand in it.
#[must_use]
pub fn known_models(prices: &PriceTable) -> Vec<KnownModel> {
    let of = |provider: ModelProvider| {
        let names = prices.models(provider.into()).into_iter();
        names.map(move |name| KnownModel {
            name: name.to_owned(),
            provider,
        })
    };
    ModelProvider::ALL.into_iter().flat_map(of).collect()
}
