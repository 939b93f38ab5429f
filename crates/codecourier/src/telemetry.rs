//! Traces by OpenTelemetry, sent by OTLP over HTTP. In builds with the feature `otel`; without it, this does nothing.
//!
//! Invariants: only the server sends traces, and only where an endpoint is configured; what a trace holds are the spans of
//! the log, whose fields carry no secret; a collector that is away costs the spans and nothing else.

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Config;
use crate::problem::Problem;

/// What sends the spans, if an endpoint is configured.
#[cfg(feature = "otel")]
pub(crate) fn layer<S>(config: &Config) -> Result<Option<impl Layer<S>>, Problem>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::WithExportConfig as _;

    let Some(endpoint) = &config.settings.otlp_endpoint else {
        return Ok(None);
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str()))
        .build()
        .map_err(|error| Problem::internal("Setting up the traces", &error))?;
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name("codecourier")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .build();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("codecourier");
    let provider = PROVIDER.get_or_init(|| provider);
    tracing::debug!(?provider, "traces are sent");
    Ok(Some(tracing_opentelemetry::layer().with_tracer(tracer)))
}

/// What keeps the spans until they are sent.
#[cfg(feature = "otel")]
static PROVIDER: std::sync::OnceLock<opentelemetry_sdk::trace::SdkTracerProvider> = std::sync::OnceLock::new();

/// Sends what is left.
#[cfg(feature = "otel")]
pub(crate) fn finish() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!("the last traces were not sent: {error}");
    }
}

/// Nothing.
#[cfg(not(feature = "otel"))]
pub(crate) fn layer<S>(config: &Config) -> Result<Option<impl Layer<S>>, Problem>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if config.settings.otlp_endpoint.is_some() {
        return Err(Problem::usage(
            "`telemetry.otlp_endpoint` is set, and this program was built without the feature `otel`.",
        ));
    }
    Ok(None::<tracing_subscriber::layer::Identity>)
}

/// Nothing.
#[cfg(not(feature = "otel"))]
pub(crate) const fn finish() {}
