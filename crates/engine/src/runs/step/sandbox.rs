//! The phase `sandbox-create`: the step's sandbox, made, adopted or missed, and the gateway served into it.

use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use codecourier_domain::event::Phase;
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_gateway::EgressScope;
use codecourier_sandbox::{Degraded, EndedBecause, Network, Sandbox, SandboxSpec};

use super::{StepContext, StepError, ended, still};
use crate::runs::memo::Login;
use crate::runs::spec::DegradedPolicy;

/// The gateway's service of one sandbox. Dropping it closes every connection.
pub(super) struct GatewayService {
    _guard: DropGuard,
}

/// The step's sandbox: made, or the one from before a restart.
pub(super) async fn acquire(context: &StepContext) -> Result<Arc<dyn Sandbox>, StepError> {
    let id = context.sandbox();
    let backend = &context.engine.backend;
    if context.recorder.memo().has_ended(Phase::SandboxCreate) {
        // Whatever was in it is part of the step, so a new one would be no replacement.
        return match backend.open(&id).await? {
            Some(sandbox) => {
                still::settle(context, sandbox.as_ref()).await?;
                Ok(sandbox)
            }
            None => {
                let because = backend
                    .ended(&id)
                    .await?
                    .map_or(EndedBecause::Crashed, |ended| ended.because);
                Err(ended::sandbox_ended(because).into())
            }
        };
    }
    // What the agent logs in with is settled here: a key that is set or removed meanwhile is the next step's.
    let login = context.login_kind();
    let begun = context
        .recorder
        .begin_with(Phase::SandboxCreate, Vec::new(), |memo| memo.login = Some(login));
    begun.await?;
    let sandbox = backend
        .create(SandboxSpec {
            id,
            layers: context.pinned.layers_of(context.agent()).to_vec(),
            limits: context.spec.limits,
            env: Vec::new(),
            hostname: "codecourier".to_owned(),
            degraded: match context.spec.degraded {
                DegradedPolicy::Refuse => Degraded::Refuse,
                DegradedPolicy::Allow => Degraded::Allow,
            },
            network: Network::GatewayOnly,
        })
        .await?;
    let isolation = sandbox.isolation();
    let degraded: Vec<String> = isolation.degraded.iter().map(ToString::to_string).collect();
    let detail = match degraded.as_slice() {
        [] => format!("isolation {}", isolation.tier.as_str()),
        _ => format!(
            "isolation {}, degraded: {}",
            isolation.tier.as_str(),
            degraded.join("; ")
        ),
    };
    context.end(Phase::SandboxCreate, Some(detail));
    Ok(sandbox)
}

/// Serves the model gateway on the listener inside the sandbox until the service is dropped; or, where the agent is
/// handed a login that must not be proxied, the way out for that login, and no gateway.
pub(super) async fn serve_gateway(context: &StepContext, sandbox: &dyn Sandbox) -> Result<GatewayService, StepError> {
    let listener = sandbox.gateway_listener().await.map_err(|error| {
        Failure::new(
            FailureClass::Sandbox,
            format!("The model gateway cannot be offered in the sandbox: {error}."),
        )
    })?;
    let ended = CancellationToken::new();
    let gateway = Arc::clone(&context.engine.gateway);
    let until = ended.clone();
    let (project, run, step) = (context.project, context.run, context.step);
    match context.login_kind() {
        Login::Gateway => context.engine.tasks.spawn("gateway", async move {
            gateway.serve_step(step, listener, until).await;
        }),
        Login::Subscription => {
            let log = Arc::new(context.engine.model_access.clone());
            context.engine.tasks.spawn("egress", async move {
                let scope = EgressScope { project, run, step };
                gateway.serve_egress(scope, log, listener, until).await;
            })
        }
    };
    Ok(GatewayService {
        _guard: ended.drop_guard(),
    })
}
