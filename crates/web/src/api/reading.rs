//! What is read from a request, with refusals as problems.

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Json;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::text::shown;

/// The words after the `?` of an address.
#[derive(Debug)]
pub(crate) struct Words<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Words<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        let Query(words) = read.map_err(|error| {
            unreadable(StatusCode::BAD_REQUEST, "the parameters cannot be read", &error.body_text())
        })?;
        Ok(Self(words))
    }
}

/// The last word of a path.
#[derive(Debug)]
pub(crate) struct PathWord(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathWord {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read: Result<Path<String>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        let Path(word) = read.map_err(|error| {
            unreadable(StatusCode::BAD_REQUEST, "the path cannot be read", &error.body_text())
        })?;
        Ok(Self(word))
    }
}

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Fields<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read: Result<Form<T>, FormRejection> = Form::from_request(request, state).await;
        let Form(fields) = read.map_err(|error| {
            unreadable(error.status(), "the form cannot be read", &error.body_text())
        })?;
        Ok(Self(fields))
    }
}

/// A document in JSON.
#[derive(Debug)]
pub(crate) struct Sent<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        let Json(document) = read.map_err(|error| {
            unreadable(error.status(), "the document cannot be read", &error.body_text())
        })?;
        Ok(Self(document))
    }
}

fn unreadable(status: StatusCode, title: &str, detail: &str) -> Problem {
    Problem::new(status, title).detail(shown(detail, 300))
}
