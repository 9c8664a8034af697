//! The page that offers the ways in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::layout::Layout;
use super::page;
use crate::api::Words;
use crate::auth::guard::Caller;
use crate::credential::Credential;
use crate::oidc::journey::target;
use crate::shell::Shell;
use crate::text::{encoded, shown};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    layout: Layout,
    /// The host of the identity provider, if there is one.
    provider: Option<String>,
    start: String,
    /// The secret of the link that was opened.
    key: Option<String>,
    signed_out: bool,
    may_look: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SignInQuery {
    to: Option<String>,
    key: Option<String>,
    out: Option<String>,
}

pub(crate) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Words(query): Words<SignInQuery>,
) -> Response {
    let to = target(query.to.as_deref());
    if identity.is_known() && query.key.is_none() {
        return Redirect::to(&to).into_response();
    }
    let gate = &shell.gate;
    let issuer = gate.provider.as_ref().and_then(|provider| {
        let issuer = url::Url::parse(&provider.config().issuer).ok()?;
        issuer.host_str().map(|host| shown(host, 100))
    });
    page(&SignIn {
        layout: Layout::of(&shell, &identity, "/sign-in", "Sign in"),
        start: format!("/sign-in/start?to={}", encoded(&to)),
        // Written as it was read, so that nothing else gets onto the page.
        key: query.key.and_then(|key| Some(Credential::parse(&key)?.encode())),
        provider: issuer,
        signed_out: query.out.is_some(),
        may_look: !identity.roles.is_empty(),
    })
}
