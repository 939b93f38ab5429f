//! What can go wrong between a client and a server, in words that say what to do.

use codecourier_engine::ErrorCode;
use codecourier_engine::error::chain;
use codecourier_wire::error::ErrorObject;
use reqwest::StatusCode;

use crate::exit::Exit;
use crate::problem::Problem;

/// No answer came.
pub(super) fn unreachable(url: &str, error: &reqwest::Error) -> Problem {
    let why = chain(error);
    // The URL is said once, and the deepest cause is what helps.
    let cause = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let cause = cause.last().map_or_else(String::new, ToString::to_string);
    let environment = |message: String| Problem::new(Exit::Environment, ErrorCode::Unavailable, message);
    let is_about_certificates = ["certificate", "UnknownIssuer", "invalid peer", "InvalidCertificate"]
        .iter()
        .any(|word| why.contains(word));
    if is_about_certificates {
        return environment(format!("The certificate of {url} is not trusted: {cause}")).with_remedy(
            "If it was made by an authority of your own, name that authority's certificate in SSL_CERT_FILE. Otherwise \
             do not go on: something may be between you and the server.",
        );
    }
    if error.is_timeout() {
        return environment(format!("The server at {url} did not answer in time"))
            .with_remedy("Try again later; its operator finds the reason in its log.");
    }
    environment(format!("The server at {url} cannot be reached: {cause}")).with_remedy(
        "Check the address and the network. Without a server, --local works in the data directory of this machine.",
    )
}

/// The server says no.
pub(super) fn refused(url: &str, error: ErrorObject, is_unauthenticated: bool) -> Problem {
    let code = ErrorCode::from_word(&error.code);
    let field = error.field.map_or_else(String::new, |field| format!(" (in `{field}`)"));
    let unknown = if code.is_none() {
        format!(" [{}]", error.code)
    } else {
        String::new()
    };
    let message = format!("{}{field}{unknown}", error.message.trim());
    let problem = Problem::of_code(code.unwrap_or(ErrorCode::Internal), message);
    if is_unauthenticated {
        return problem.with_remedy(format!("Sign in again: codecourier login {url}"));
    }
    if code.is_none_or(|code| code == ErrorCode::Internal) {
        return problem.with_remedy(format!("The server's log has more of request {}.", error.request_id));
    }
    problem
}

/// Something answered that is no server of ours.
pub(super) fn foreign(url: &str, status: StatusCode) -> Problem {
    let status = status.as_u16();
    Problem::new(
        Exit::Environment,
        ErrorCode::Unavailable,
        format!("What answers at {url} (status {status}) is not CodeCourier's API"),
    )
    .with_remedy("Check the address. A reverse proxy must pass /api/ on as it is.")
}

/// The server sends its clients elsewhere.
pub(super) fn redirected(url: &str, to: Option<&str>) -> Problem {
    let to = to.map_or_else(String::new, |to| {
        format!(" to {}", to.chars().take(200).collect::<String>())
    });
    Problem::new(
        Exit::Environment,
        ErrorCode::Unavailable,
        format!("The server at {url} redirects{to}. Credentials are not sent after it"),
    )
    .with_remedy("Sign in at the address it has now: codecourier login URL")
}

/// The server's answer has another shape than this program knows.
pub(super) fn another_version(url: &str, server: Option<&str>) -> Problem {
    let own = env!("CARGO_PKG_VERSION");
    let message = match server {
        Some(version) if version == own => {
            format!("The server at {url} gave an answer that this program cannot read, although both are {own}")
        }
        Some(version) => {
            format!("The server at {url} is version {version}, this program is {own}, and they differ here")
        }
        None => format!("The server at {url} gave an answer that this program ({own}) cannot read"),
    };
    Problem::new(Exit::Environment, ErrorCode::Unavailable, message)
        .with_remedy("Install the version that the server has.")
}
