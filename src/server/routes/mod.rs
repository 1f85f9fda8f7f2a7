//! The pages of the service.

mod answer;
mod changes;
mod events;
mod openapi;
mod push;
mod ready;
mod replay;
mod status;
mod subscribers;
mod whole_lines;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::auth::Identity;
use crate::dashboard;
use crate::market::SymbolPattern;
use crate::server::door::guard::guard;
use crate::server::door::require;
use crate::server::door::tickets;
use crate::server::error::ApiError;
use crate::server::limits::Work;
use crate::server::query_string::{pairs, values};
use crate::server::reply::{KnownTags, json, tagged};
use crate::server::session::upgrade;
use crate::server::table::asked::Asked;
use crate::server::url::{EVENTS_PATH, STREAM_PATH};
use crate::server::{App, Peer};
use answer::Snapshot;
use changes::changes;
use events::events;
use subscribers::subscribers;

type Shared = State<Arc<App>>;

/// One path: its methods as they are told where another is used, and who answers.
struct Route {
    path: &'static str,
    allow: &'static str,
    methods: MethodRouter<Arc<App>>,
    /// Nobody has to say who it is: it tells nothing of symbols, or looks by itself.
    is_open: bool,
}

impl Route {
    fn reads(path: &'static str, methods: MethodRouter<Arc<App>>) -> Route {
        Route::of(path, "GET, HEAD", methods)
    }

    fn of(path: &'static str, allow: &'static str, methods: MethodRouter<Arc<App>>) -> Route {
        Route {
            path,
            allow,
            methods,
            is_open: false,
        }
    }

    fn open(path: &'static str, methods: MethodRouter<Arc<App>>) -> Route {
        Route {
            is_open: true,
            ..Route::reads(path, methods)
        }
    }
}

/// Every path there is.
fn table() -> Vec<Route> {
    let mut routes = vec![
        Route::open(STREAM_PATH, get(stream)),
        Route::reads("/v1/symbols", get(symbols)),
        Route::reads("/v1/snapshot", get(snapshot)),
        Route::reads("/v1/changes", get(changes)),
        Route::reads(EVENTS_PATH, get(events)),
        Route::reads("/v1/status", get(status::status)),
        Route::reads("/v1/subscribers", get(subscribers)),
        Route::open("/v1/openapi.json", get(|| async { json(openapi::DOCUMENT) })),
        Route::of("/v1/updates", "POST", post(push::updates)),
        Route::of("/v1/replay", "GET, HEAD, POST", get(replay::status).post(replay::drive)),
        Route::of("/v1/tickets", "POST", post(tickets::give)),
        Route::reads("/metrics", get(metrics)),
        Route::open("/healthz", get(|| async { "ok\n" })),
        Route::open("/readyz", get(ready::readyz)),
    ];
    let page = |asset: &'static dashboard::Asset| Route::open(asset.path, get(move || async move { page(asset) }));
    routes.extend(dashboard::ASSETS.iter().map(page));
    let shared = |asset: &'static dashboard::Asset| Route::open(asset.path, get(move || async move { shared(asset) }));
    routes.extend(dashboard::CLIENT.iter().map(shared));
    routes
}

/// Every path with its methods, but for what a page or the client loads by itself.
#[cfg(test)]
pub(in crate::server) fn methods() -> Vec<(&'static str, &'static str)> {
    let files = dashboard::ASSETS.iter().chain(dashboard::CLIENT);
    let is_asked_for = |file: &&dashboard::Asset| file.content_type.contains("html") || file.path == "/client.js";
    let loaded: Vec<&str> = files.filter(|file| !is_asked_for(file)).map(|file| file.path).collect();
    let routes = table().into_iter().filter(|route| !loaded.contains(&route.path));
    routes.map(|route| (route.path, route.allow)).collect()
}

/// All routes.
pub(in crate::server) fn router(app: Arc<App>) -> Router {
    let add = |router: Router<Arc<App>>, route: Route| {
        let (path, allow, is_open) = (route.path, route.allow, route.is_open);
        let methods = match is_open {
            true => route.methods,
            false => route
                .methods
                .layer(middleware::from_fn_with_state(app.clone(), require)),
        };
        router.route(path, methods.fallback(move || async move { ApiError::method(allow) }))
    };
    let router = table().into_iter().fold(Router::new(), add);
    router
        .fallback(|uri: Uri| async move { ApiError::not_found(uri.path()) })
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

fn page(asset: &dashboard::Asset) -> Response {
    let mut response = asset.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(dashboard::CONTENT_SECURITY_POLICY),
    );
    response
}

/// A script that pages of other origins may import; it holds nothing that is not public.
fn shared(asset: &dashboard::Asset) -> Response {
    let mut response = page(asset);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn stream(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let answer = match pairs(uri.query()) {
        Ok(query) => upgrade::upgrade(&app, peer, &query, &headers, request),
        Err(error) => Err(error),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn symbols(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let [pattern] = values(uri.query(), ["match"])?;
    let pattern = match pattern {
        Some(text) => Some(SymbolPattern::parse(&text).map_err(|e| ApiError::symbol(e.to_string()))?),
        None => None,
    };
    let client = peer.client(&app, &headers);
    app.charge(client, Work::PATTERN)?;
    let rights = identity.entitlement.rights.clone();
    let body = app
        .query
        .run(move |query| query.symbols(pattern.as_ref(), &rights))
        .await;
    let body = body.ok_or_else(ApiError::internal)?;
    Ok(json(app.hold(body, client, &peer)?))
}

async fn snapshot(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let [symbols] = values(uri.query(), ["symbols"])?;
    let asked = Asked::required(symbols, app.allowance(&identity))?;
    let client = peer.client(&app, &headers);
    app.charge(client, asked.work())?;
    let known = KnownTags::of(&headers);
    let answer = app
        .query
        .run(move |query| query.snapshot(&asked, |tag| known.has(tag)))
        .await;
    Ok(match answer.ok_or_else(ApiError::internal)?? {
        Snapshot::Whole { tag, body } => tagged(json(app.hold(body, client, &peer)?), &tag),
        Snapshot::Known { tag } => tagged(StatusCode::NOT_MODIFIED.into_response(), &tag),
    })
}

async fn metrics(State(app): Shared, Extension(identity): Extension<Identity>) -> Result<Response, ApiError> {
    if !identity.entitlement.may_read_statistics {
        let words = "metrics need an entitlement with `statistics = true`";
        return Err(ApiError::forbidden(words));
    }
    let text = (app.render_metrics)();
    let answer = (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    );
    Ok(answer.into_response())
}
