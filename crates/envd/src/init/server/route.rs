//! From a request to whoever answers it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

use codecourier_e2b::extension::{ROUTE_BENEATH_FILE, ROUTE_BENEATH_LIST, ROUTE_EXIT, ROUTE_JOURNAL, ROUTE_KILL_ALL};
use codecourier_e2b::files::{ROUTE_ENVS, ROUTE_FILES, ROUTE_HEALTH, ROUTE_METRICS};
use codecourier_e2b::{FileOperation, filesystem, process};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::super::{Server, files, process as processes};
use super::{Body, HttpRefusal, Query, RequestBody, access, connect, json_response};

/// What a connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Anything.
    Everything,
    /// What must work when everything else is used up.
    Emergencies,
}

/// Answers a request, whatever it is.
pub(crate) async fn answer(
    server: Rc<Server>,
    allowed: Allowed,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    Ok(route(&server, allowed, RequestBody::of(request, allowed))
        .await
        .unwrap_or_else(HttpRefusal::into_response))
}

async fn route(
    server: &Rc<Server>,
    allowed: Allowed,
    request: Request<RequestBody>,
) -> Result<Response<Body>, HttpRefusal> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let token = server.access_token.as_deref();
    let query = Query::parse(request.uri().query());
    let is_emergency = matches!(path.as_str(), ROUTE_HEALTH | ROUTE_KILL_ALL);
    if allowed == Allowed::Emergencies && !is_emergency {
        return Err(HttpRefusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many connections to this sandbox",
        ));
    }
    match path.as_str() {
        ROUTE_HEALTH => {
            only(&method, &[Method::GET, Method::HEAD])?;
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
        ROUTE_FILES => {
            only(&method, &[Method::GET, Method::POST])?;
            let operation = if method == Method::GET {
                FileOperation::Read
            } else {
                FileOperation::Write
            };
            access::check_file_access(token, request.headers(), &query, operation)?;
            return match operation {
                FileOperation::Read => files::download(server, &query, request.headers()),
                FileOperation::Write => files::upload(server, &query, request).await,
            };
        }
        _ => access::check_token(token, request.headers())?,
    }
    match path.as_str() {
        ROUTE_METRICS => {
            only(&method, &[Method::GET])?;
            Ok(json_response(StatusCode::OK, &server.meter.read()))
        }
        ROUTE_ENVS => {
            only(&method, &[Method::GET])?;
            let environment: BTreeMap<_, _> = server.environment.iter().map(|(name, value)| (name, value)).collect();
            Ok(json_response(StatusCode::OK, &environment))
        }
        ROUTE_JOURNAL => {
            only(&method, &[Method::GET])?;
            processes::follow_journal(server, &query)
        }
        ROUTE_EXIT => {
            only(&method, &[Method::GET])?;
            processes::wait_for_exit(server, &query).await
        }
        ROUTE_BENEATH_LIST => {
            only(&method, &[Method::GET])?;
            files::list_beneath(&query).await
        }
        ROUTE_BENEATH_FILE => {
            only(&method, &[Method::GET])?;
            files::read_beneath(&query)
        }
        ROUTE_KILL_ALL => {
            only(&method, &[Method::POST])?;
            Ok(json_response(StatusCode::OK, &processes::kill_all(server).await))
        }
        path if path.starts_with(process::SERVICE) || path.starts_with(filesystem::SERVICE) => {
            only(&method, &[Method::POST])?;
            Ok(connect::serve_call(server, request).await)
        }
        _ => Err(HttpRefusal::not_found(format!("no route {path}"))),
    }
}

fn only(method: &Method, allowed: &[Method]) -> Result<(), HttpRefusal> {
    if allowed.contains(method) {
        return Ok(());
    }
    Err(HttpRefusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not possible here"),
    ))
}
