//! Writes down what was asked and answered, with names for everything that differs between runs.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value};

use super::bed::Bed;
use crate::client::{Answer, PATCH, Session};

/// Headers that are part of the contract; of the first ones only that they are there.
const PRESENT: &[&str] = &["x-openstack-request-id", "x-subject-token"];
const HEADERS: &[&str] = &[
    "www-authenticate",
    "location",
    "allow",
    "accept-patch",
    "content-md5",
    "openstack-image-import-methods",
    "openstack-image-store-ids",
    "vary",
    "openstack-api-version",
    "retry-after",
];

/// A transcript in the making.
#[derive(Debug)]
pub(crate) struct Script {
    out: String,
    /// What is replaced by what, longest first.
    names: Vec<(String, String)>,
    /// The revisions of each object that were seen, in their order.
    revisions: HashMap<String, Vec<u64>>,
}

impl Script {
    pub(crate) fn new(bed: &Bed) -> Self {
        let mut script = Self { out: String::new(), names: Vec::new(), revisions: HashMap::new() };
        let identity = bed.admin.identity.as_str();
        script.name(identity, "<identity>/v3");
        script.name(identity.trim_end_matches("/v3"), "<identity>");
        for session in [&bed.admin, &bed.member, &bed.other] {
            for (service, address) in &session.catalog {
                if service != "identity" {
                    script.name(address, &format!("<{service}>"));
                    let root = address.split("/v").next().unwrap_or(address);
                    script.name(root, &format!("<{service} root>"));
                }
            }
        }
        for (session, name) in
            [(&bed.admin, "admin"), (&bed.member, "member"), (&bed.other, "other")]
        {
            script.name(session.project.as_deref().expect("a project"), &format!("<{name}>"));
        }
        script.name(&bed.run, "<run>");
        script
    }

    /// From now on this text is written as the name.
    pub(crate) fn name(&mut self, text: &str, name: &str) {
        if self.names.iter().any(|(known, _)| known == text) {
            return;
        }
        self.names.push((text.to_owned(), name.to_owned()));
        self.names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// A heading.
    pub(crate) fn part(&mut self, title: &str) {
        let gap = if self.out.is_empty() { "" } else { "\n" };
        writeln!(self.out, "{gap}# {title}").expect("memory");
    }

    /// Something worth writing down.
    pub(crate) fn note(&mut self, text: &str) {
        let text = self.neutral(text);
        writeln!(self.out, "  {text}").expect("memory");
    }

    pub(crate) fn transcript(self) -> String {
        self.out
    }

    /// Asks the image service.
    pub(crate) async fn get(&mut self, who: &Session, path: &str) -> Answer {
        self.ask("GET", path, None, who.image(Method::GET, path)).await
    }

    /// Posts to the image service.
    pub(crate) async fn post(&mut self, who: &Session, path: &str, body: &Value) -> Answer {
        let request = who.image(Method::POST, path).json(body);
        self.ask("POST", path, Some(&body.to_string()), request).await
    }

    /// Deletes from the image service.
    pub(crate) async fn delete(&mut self, who: &Session, path: &str) -> Answer {
        self.ask("DELETE", path, None, who.image(Method::DELETE, path)).await
    }

    /// Patches in the image service, in the usual dialect.
    pub(crate) async fn patch(&mut self, who: &Session, path: &str, body: &Value) -> Answer {
        let request = who.image(Method::PATCH, path).header("Content-Type", PATCH);
        let body = body.to_string();
        self.ask("PATCH", path, Some(&body), request.body(body.clone())).await
    }

    /// Asks a service by its type, with a body if there is one.
    pub(crate) async fn call(
        &mut self,
        who: &Session,
        service: &str,
        (method, path): (&str, &str),
        body: Option<&Value>,
    ) -> Answer {
        let verb = method.parse().expect("a method");
        let request = who.to(service, verb, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.ask(method, path, body.map(Value::to_string).as_deref(), request).await
    }

    /// Asks the identity service, below `/v3`, with a body if there is one.
    pub(crate) async fn identity(
        &mut self,
        who: &Session,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let request = who.identity(method.clone(), path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let shown = body.map(Value::to_string);
        self.ask(method.as_str(), &format!("/v3{path}"), shown.as_deref(), request).await
    }

    /// Writes down a request that was made elsewhere, and its answer.
    pub(crate) fn part_of(&mut self, asked: &str, body: Option<&Value>, answer: &Answer) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let asked = self.neutral(&format!("{asked} {body}"));
        writeln!(self.out, "{}", asked.trim_end()).expect("memory");
        self.answer(answer);
    }

    /// Sends a request and writes down both sides.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&str>,
        request: RequestBuilder,
    ) -> Answer {
        let answer = Answer::of(request).await;
        let asked = self.neutral(&format!("{method} {path} {}", body.unwrap_or_default()));
        writeln!(self.out, "{}", asked.trim_end()).expect("memory");
        self.answer(&answer);
        answer
    }

    /// Writes down an answer.
    pub(crate) fn answer(&mut self, answer: &Answer) {
        let media_type = answer.media_type().to_owned();
        writeln!(self.out, "  {} {media_type}", answer.status).expect("memory");
        for name in PRESENT {
            if answer.header(name).is_some() {
                writeln!(self.out, "  {name}").expect("memory");
            }
        }
        for name in HEADERS {
            if let Some(value) = answer.header(name) {
                let mut list: Vec<&str> = value.split(", ").collect();
                if *name == "allow" {
                    list.sort_unstable();
                }
                let value = self.neutral(&list.join(", "));
                writeln!(self.out, "  {name}: {value}").expect("memory");
            }
        }
        let shown = self.body(answer);
        if !shown.is_empty() {
            writeln!(self.out, "  {shown}").expect("memory");
        }
    }

    fn body(&mut self, answer: &Answer) -> String {
        let text = match serde_json::from_str::<Value>(&answer.text) {
            Ok(mut value) => {
                self.count_revisions(&mut value);
                sorted(value).to_string()
            }
            Err(_) => answer.text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        self.neutral(&shorten(&text))
    }

    /// Writes which revision of its object each one is, counted by those seen.
    ///
    /// Neutron promises that the number grows with every change. By how much is not told: a
    /// transaction that its database refused under load is done again and counted again.
    fn count_revisions(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.count_revisions(field));
                let Some(Value::String(id)) = fields.get("id") else { return };
                let seen = self.revisions.entry(id.clone()).or_default();
                let Some(number) = fields.get_mut("revision_number") else { return };
                let Some(revision) = number.as_u64() else { return };
                if seen.last().is_none_or(|last| *last < revision) {
                    seen.push(revision);
                }
                if let Some(place) = seen.iter().position(|known| *known == revision) {
                    *number = format!("<revision {}>", place + 1).into();
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|item| self.count_revisions(item)),
            _ => {}
        }
    }

    /// The text with names for everything that differs between runs.
    fn neutral(&self, text: &str) -> String {
        static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            [
                (r"req-[0-9a-f-]{36}", "<request>"),
                (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "<microseconds>"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", "<microseconds without zone>"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<seconds>"),
                (
                    r#""created":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d""#,
                    "\"created\":\"<seconds without zone>\"",
                ),
                (
                    r#""updated":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d""#,
                    "\"updated\":\"<seconds without zone>\"",
                ),
                (r#"_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d""#, "_at\":\"<seconds without zone>\""),
                // Octavia's lists of words have no order.
                (r#"Value should be one of: [^"]*"#, "Value should be one of: …"),
                (r"\b[0-9a-f]{32}\b", "<hex>"),
                (r"gAAAA[\w=-]+", "<token>"),
                (r#""audit_ids":\["[^"]*"[^]]*\]"#, "\"audit_ids\":[…]"),
                (r"127\.0\.0\.1:\d+", "<address>"),
                // Neutron draws MAC addresses at random and shows numbers of database rows.
                (r"fa:16:3e(:[0-9a-f]{2}){3}", "<mac>"),
                (r#""standard_attr_id":\d+"#, "\"standard_attr_id\":<number>"),
                (r#""provider:segmentation_id":\d+"#, "\"provider:segmentation_id\":<random>"),
                // What Neutron's own extensions said to a policy, with their addresses in memory.
                (r#"Callback neutron.*","type""#, "Callback neutron…\",\"type\""),
                (
                    r"Constrained to \d+, but current revision is \d+",
                    "Constrained to <revision>, but current revision is <revision>",
                ),
                // Python's sets have no order.
                (r"Expected keys: \{[^}]*\}", "Expected keys: {…}"),
            ]
            .map(|(pattern, name)| (Regex::new(pattern).expect("a pattern"), name))
            .into()
        });
        let mut text = text.to_owned();
        for (from, to) in &self.names {
            text = text.replace(from.as_str(), to);
        }
        for (pattern, name) in VARYING.iter() {
            text = pattern.replace_all(&text, regex::NoExpand(name)).into_owned();
        }
        text
    }
}

/// Messages of schema checks end with a dump of the schema, which is no contract.
fn shorten(text: &str) -> String {
    let of_schema = ["does not match schema", "is a required property"];
    let of_keystone = ["is not of type", "is too short", "is too long"];
    let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let keystone = text.starts_with("{\"error\":{\"code\":400");
    if !(has(&of_schema) || keystone && has(&of_keystone)) {
        return text.to_owned();
    }
    let ends = ["\\n\\nFailed validating", " Failed validating", "<br /><br />", "\",\"title\""];
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    format!("{} …", &text[..end])
}

/// The same with the keys of all objects in order; the order of keys is no contract.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (name, value) in &mut fields {
                // Glance keeps tags in no order, Neutron orders by ids, which are random.
                match (name.as_str(), value) {
                    ("tags" | "allocation_pools", Value::Array(list)) => {
                        list.sort_by_key(Value::to_string);
                    }
                    ("security_group_rules", Value::Array(rules)) => rules.sort_by_key(|rule| {
                        ["direction", "ethertype", "protocol", "port_range_min"]
                            .map(|key| rule[key].to_string())
                    }),
                    _ => {}
                }
            }
            Value::Object(fields.into_iter().map(|(k, v)| (k, sorted(v))).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}
