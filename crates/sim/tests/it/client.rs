//! A plain HTTP client of an OpenStack cloud, simulated or real.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// How to sign in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) auth_url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) project: Option<String>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::attempt(request).await.expect("an answer")
    }

    pub(crate) async fn attempt(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await?;
        Ok(Self { status, headers, text })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type without parameters.
    pub(crate) fn media_type(&self) -> &str {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default()
    }
}

/// A client that does not keep connections: some real servers close them without saying so.
pub(crate) fn http() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

/// A session: a token and where the services are.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
    pub(crate) project: Option<String>,
    /// Public address of each service by its type, without a slash at the end.
    pub(crate) catalog: BTreeMap<String, String>,
    pub(crate) image: String,
    pub(crate) identity: String,
}

impl Session {
    /// The request body that signs a person in.
    pub(crate) fn body(person: &Person) -> Value {
        let scope = match &person.project {
            Some(name) => json!({"project": {"name": name, "domain": {"name": "Default"}}}),
            None => json!({"system": {"all": true}}),
        };
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": person.user,
                "domain": {"name": "Default"},
                "password": person.password,
            }}},
            "scope": scope,
        }})
    }

    pub(crate) async fn sign_in(person: &Person) -> Self {
        let http = http();
        let identity = person.auth_url.trim_end_matches('/').to_owned();
        let request = http.post(format!("{identity}/auth/tokens")).json(&Self::body(person));
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        let catalog = body["token"]["catalog"].as_array().expect("a catalogue");
        let address = |entry: &Value| {
            let endpoints = entry["endpoints"].as_array()?;
            let public = endpoints.iter().find(|it| it["interface"] == "public")?;
            let url = public["url"].as_str()?.trim_end_matches('/');
            Some((entry["type"].as_str()?.to_owned(), url.to_owned()))
        };
        let catalog: BTreeMap<String, String> = catalog.iter().filter_map(address).collect();
        Self {
            http,
            token: answer.header("x-subject-token").expect("a token").to_owned(),
            project: body.pointer("/token/project/id").and_then(Value::as_str).map(str::to_owned),
            image: catalog.get("image").expect("images").clone(),
            catalog,
            identity,
        }
    }

    /// A request to a service by its type, below its address in the catalogue.
    pub(crate) fn to(&self, service: &str, method: Method, path: &str) -> RequestBuilder {
        let base = self.catalog.get(service).unwrap_or_else(|| panic!("no {service} here"));
        let request = self.http.request(method, format!("{base}{path}"));
        request.header("X-Auth-Token", &self.token).header("Accept", "application/json")
    }

    /// A request to the image service.
    pub(crate) fn image(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.image));
        request.header("X-Auth-Token", &self.token).header("Accept", "*/*")
    }

    /// A request to the identity service, below `/v3`.
    pub(crate) fn identity(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.identity));
        request.header("X-Auth-Token", &self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.image(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.image(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.image(Method::DELETE, path)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.image(Method::PATCH, path);
        let request = request.header("Content-Type", PATCH).body(body.to_string());
        Answer::of(request).await
    }
}

/// The patch dialect that everybody uses.
pub(crate) const PATCH: &str = "application/openstack-images-v2.1-json-patch";

/// A built-in person of a simulated cloud.
pub(crate) fn person(cloud: &lotse_sim::SimCloud, user: &str, project: Option<&str>) -> Person {
    Person {
        auth_url: cloud.auth_url(),
        user: user.to_owned(),
        password: "sim".to_owned(),
        project: project.map(str::to_owned),
    }
}
