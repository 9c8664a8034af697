//! Who I am here, what I may do, and what "here" is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::layout::{Layout, When};
use super::page;
use crate::access::Who;
use crate::auth::guard::Caller;
use crate::shell::Shell;
use crate::text::shown;

#[derive(Template)]
#[template(path = "me.html")]
struct Me {
    layout: Layout,
    name: String,
    subject: String,
    until: Option<When>,
    roles: Vec<&'static str>,
    permissions: Vec<(&'static str, &'static str)>,
    product: &'static str,
    instance: String,
    started: When,
}

pub(super) async fn show(State(shell): State<Arc<Shell>>, Caller(identity): Caller) -> Response {
    let (name, until) = match &identity.who {
        Who::Stranger => (String::new(), None),
        Who::Person { name, until, .. } | Who::Token { name, until, .. } => {
            (shown(name, 100), Some(When::from(*until)))
        }
    };
    let permissions = shell.gate.grantable(&identity);
    page(&Me {
        layout: Layout::of(&shell, &identity, "/me", "You and this daemon"),
        name,
        subject: shown(&identity.actor(), 300),
        until,
        roles: identity.roles.iter().map(|role| role.word()).collect(),
        permissions: permissions.iter().map(|one| (one.name, one.about)).collect(),
        product: shell.about.product,
        instance: shell.about.instance.clone(),
        started: shell.about.started.into(),
    })
}
