//! Structured logs on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::settings::{LogFormat, Logging};

/// Starts logging for this process; a second call changes nothing.
pub(crate) fn start(logging: &Logging) {
    let filter = EnvFilter::builder().parse_lossy(&logging.filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    let started = match logging.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(logging.color).with_target(false).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started already");
    }
}
