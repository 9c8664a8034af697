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
pub struct Words<T>(pub T);

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
pub struct PathWord(pub String);

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

/// Several words of a path.
#[derive(Debug)]
pub struct PathWords<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathWords<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(words) = read.map_err(|error| {
            unreadable(StatusCode::BAD_REQUEST, "the path cannot be read", &error.body_text())
        })?;
        Ok(Self(words))
    }
}

/// The fields of a form.
#[derive(Debug)]
pub struct Fields<T>(pub T);

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
pub struct Sent<T>(pub T);

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
