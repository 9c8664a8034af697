//! The OpenAPI document (3.0.3) of our own API below `/api/v1`, which the page serves beside the
//! compatible one.

use serde_json::{Map, Value, json};

use super::{
    WRITES, add, change, collect, content, date, id, incident_fields, nullable, object, operation,
    path, percent, query, read, remove, schemas, secured, something, text, update_fields, writing,
};

use crate::decide::LONGEST;

/// The document; with the session of people who sign in, where they can, and with what who is on the
/// same machine may do, where the operator has not switched that off.
pub(crate) fn document(has_session: bool, has_local_writes: bool) -> Value {
    let mut paths = collect(paths());
    if has_session {
        paths.extend(collect(session()));
    }
    let mut all = collect(schemas());
    all.extend(own_schemas());
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Lotse status page",
            "version": "1",
            "description": "What the compatible API has no words for. Objects and errors look the \
                same. Changes take `notify` beside their fields: false tells subscribers nothing.",
            "license": { "name": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "incident", "description": "Incidents, with templates and without notice." },
            { "name": "page", "description": "Templates, recurring maintenance, audiences." },
            { "name": "upstream", "description": "What happens at providers." },
            { "name": "session", "description": "People who sign in with a web client." },
        ],
        "paths": secured(Value::Object(paths), has_local_writes),
        "components": {
            "schemas": all,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn paths() -> Value {
    let incident = path("incidentId", &id());
    let order = path("updateOrder", &json!({ "type": "integer", "minimum": 0 }));
    let named = path("name", &json!({ "type": "string", "pattern": "^[a-z0-9-]{1,64}$" }));
    let pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$";
    let month = path("month", &json!({ "type": "string", "pattern": pattern }));
    json!({
        "/api/v1/incidents": {
            "post": leading(
                add("openIncident", "incident", &[], "OwnIncident", "IdField"),
                "201",
                &["changeIncident", "removeIncident", "tellUpdate", "writePostmortem"],
                &json!({ "incidentId": "$response.body#/id" }),
            ),
        },
        "/api/v1/incidents/{incidentId}": {
            "parameters": [incident],
            "patch": change("changeIncident", "incident", "OwnIncidentChange"),
            "delete": quiet(remove("removeIncident", "incident")),
        },
        "/api/v1/incidents/{incidentId}/updates": {
            "parameters": [incident],
            "post": leading(
                add("tellUpdate", "incident", &[], "OwnUpdate", "Order"),
                "201",
                &["changeUpdate", "removeUpdate"],
                &json!({ "incidentId": "$request.path.incidentId",
                    "updateOrder": "$response.body#/order" }),
            ),
        },
        "/api/v1/incidents/{incidentId}/updates/{updateOrder}": {
            "parameters": [incident, order],
            "patch": change("changeUpdate", "incident", "OwnUpdateChange"),
            "delete": quiet(remove("removeUpdate", "incident")),
        },
        "/api/v1/incidents/{incidentId}/postmortem": {
            "parameters": [incident],
            "put": leading(
                change("writePostmortem", "incident", "Postmortem"),
                "204",
                &["removePostmortem"],
                &json!({ "incidentId": "$request.path.incidentId" }),
            ),
            "delete": quiet(remove("removePostmortem", "incident")),
        },
        "/api/v1/components/{componentId}/audiences": {
            "parameters": [path("componentId", &id())],
            "put": change("showComponent", "page", "Audiences"),
        },
        "/api/v1/sla/{month}": {
            "parameters": [month],
            "post": change("closeMonth", "page", "Closing"),
        },
        "/api/v1/templates": { "get": listed("getTemplates", "TemplateListResponse") },
        "/api/v1/templates/{name}": {
            "parameters": [named],
            "put": change("putTemplate", "page", "TemplateRequest"),
            "delete": remove("removeTemplate", "page"),
        },
        "/api/v1/schedules": { "get": listed("getSchedules", "ScheduleListResponse") },
        "/api/v1/schedules/{name}": {
            "parameters": [named],
            "put": leading(
                change("putSchedule", "page", "ScheduleRequest"),
                "204",
                &["removeSchedule"],
                &json!({ "name": "$request.path.name" }),
            ),
            "delete": remove("removeSchedule", "page"),
        },
        "/api/v1/audiences": { "get": listed("getAudiences", "AudienceListResponse") },
        "/api/v1/audiences/{name}": {
            "parameters": [named],
            "put": audience(),
            "delete": remove("removeAudience", "page"),
        },
        "/api/v1/upstream": {
            "get": read("getUpstream", "upstream", &[], "UpstreamListResponse"),
            "post": add("addUpstream", "upstream", &[], "UpstreamRequest", "IdField"),
        },
        "/api/v1/upstream/{upstreamId}": {
            "parameters": [path("upstreamId", &id())],
            "put": change("putUpstream", "upstream", "UpstreamRequest"),
            "delete": remove("removeUpstream", "upstream"),
        },
    })
}

fn session() -> Value {
    let ended = ("204", json!({ "description": "Ended." }));
    json!({
        "/api/v1/session": {
            "get": writing(
                operation("getSession", "session", WRITES, ("200", content("Found.", "SessionResponse"))),
                None,
            ),
            "delete": writing(operation("endSession", "session", WRITES, ended), None),
        },
    })
}

/// Says which operations the answer of this one leads to, and what their paths take from it.
fn leading(mut operation: Value, status: &str, to: &[&str], parameters: &Value) -> Value {
    let link = |name: &&str| {
        ((*name).to_owned(), json!({ "operationId": name, "parameters": parameters }))
    };
    operation["responses"][status]["links"] = Value::Object(to.iter().map(link).collect());
    operation
}

/// Removals have no body: they say in the address whether subscribers are told.
fn quiet(mut operation: Value) -> Value {
    operation["parameters"] = json!([query("notify", &json!({ "type": "boolean" }), false)]);
    operation
}

/// What only those see who may write it.
fn listed(name: &str, schema: &str) -> Value {
    writing(operation(name, "page", WRITES, ("200", content("Found.", schema))), None)
}

/// With a new link there is something to tell.
fn audience() -> Value {
    let mut operation = change("putAudience", "page", "AudienceRequest");
    operation["responses"]["201"] = content("Done; the link is told once.", "Link");
    operation
}

/// What can be said of templates, recurring maintenance and what providers have. Null stands for
/// nothing said, where something may be left out.
struct Documents {
    template: Value,
    schedule: Value,
    upstream: Value,
}

impl Documents {
    fn new() -> Self {
        let ids = json!({ "type": "array", "items": id(), "uniqueItems": true });
        let url = json!({ "type": "string", "pattern": "^https?://" });
        Self {
            template: json!({ "title": text(), "text": text(), "components": ids,
                "kind": nullable(id()), "severity": nullable(percent()) }),
            schedule: json!({ "title": some(), "text": text(), "start": instant(),
                "components": with(&ids, json!({ "minItems": 1 })),
                "zone": with(&text(), json!({ "example": "Europe/Berlin" })),
                "minutes": { "type": "integer", "minimum": 1, "maximum": LONGEST, "example": 90 },
                "rule": { "type": "string", "example": "FREQ=MONTHLY;BYDAY=1TU" },
                "except": { "type": "array", "items": instant() } }),
            upstream: json!({ "provider": some(), "title": some(), "text": text(),
                "url": nullable(url), "began": instant(), "ended": date(), "components": ids }),
        }
    }
}

fn own_schemas() -> Map<String, Value> {
    let word = json!({ "type": "string" });
    let notify = nullable(json!({ "type": "boolean", "default": true }));
    let told = json!({ "notify": notify });
    let begun = with(&told, json!({ "template": text() }));
    let policies =
        json!({ "type": "string", "enum": ["exclude-maintenance", "count-maintenance"] });
    let Documents { template, schedule, upstream } = Documents::new();
    let mut all = collect(json!({
        "OwnIncident": something(&with(&incident_fields(), begun.clone())),
        "OwnIncidentChange": something(&with(&incident_fields(), told.clone())),
        "OwnUpdate": something(&with(&update_fields(), begun)),
        "OwnUpdateChange": something(&with(&update_fields(), told)),
        "Postmortem": object(&json!({ "text": some(), "notify": notify }), &["text"]),
        "Audiences": whole(
            &json!({ "audiences": { "type": "array", "items": word } }), &["audiences"]),
        "Closing": whole(&json!({ "policy": policies }), &["policy"]),
        "TemplateRequest": whole(&template, &[]),
        "ScheduleRequest": whole(&schedule, &["title", "components", "start", "minutes", "rule"]),
        "AudienceRequest": whole(
            &json!({ "title": some(), "link": { "type": "boolean", "default": false },
                "groups": { "type": "array", "nullable": true, "maxItems": 100,
                    "items": { "type": "string", "minLength": 1, "maxLength": 200 } } }),
            &["title"]),
        "Link": object(&json!({ "link": word }), &["link"]),
        "UpstreamRequest": whole(&upstream, &["provider", "title", "began"]),
        "SessionResponse": object(&json!({ "data": object(
            &json!({ "subject": word, "name": word, "until": instant(),
                "roles": { "type": "array", "items": word } }),
            &["subject", "name", "roles", "until"]) }), &["data"]),
    }));
    let audience = json!({ "title": word, "link": { "type": "boolean" },
        "groups": { "type": "array", "items": word } });
    let named = json!({ "name": word });
    for (name, one) in [
        ("Template", object(&with(&template, named.clone()), &["name"])),
        ("Schedule", object(&with(&schedule, named.clone()), &["name", "title"])),
        ("Audience", object(&with(&audience, named), &["name", "title", "link", "groups"])),
        (
            "Upstream",
            object(&with(&upstream, json!({ "id": id() })), &["id", "provider", "title", "began"]),
        ),
    ] {
        let list = json!({ "type": "array", "items": one });
        all.insert(format!("{name}ListResponse"), object(&json!({ "data": list }), &["data"]));
    }
    all
}

/// A text that says something.
fn some() -> Value {
    json!({ "type": "string", "pattern": r"\S" })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// The properties of the first, and those of the second.
fn with(base: &Value, more: Value) -> Value {
    let mut all = collect(base.clone());
    all.extend(collect(more));
    Value::Object(all)
}

/// A document that is written as a whole: what has no name here is refused.
fn whole(properties: &Value, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["additionalProperties"] = json!(false);
    schema
}
