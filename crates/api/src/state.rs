//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use codecourier_engine::Engine;

use crate::config::ApiConfig;
use crate::conventions::rate_limit::Limiters;

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) engine: Engine,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) limiters: Arc<Limiters>,
}

impl ApiState {
    pub(crate) fn new(engine: Engine, config: ApiConfig) -> Self {
        Self {
            engine,
            limiters: Arc::new(Limiters::new(config.rate_limits)),
            config: Arc::new(config),
        }
    }
}

impl FromRef<ApiState> for Engine {
    fn from_ref(state: &ApiState) -> Self {
        state.engine.clone()
    }
}

impl FromRef<ApiState> for Arc<ApiConfig> {
    fn from_ref(state: &ApiState) -> Self {
        Arc::clone(&state.config)
    }
}
