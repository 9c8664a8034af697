//! The OpenAPI document (3.0.3) of our own API below `/api/v1`, which the page serves beside the
//! compatible one.

use serde_json::{Map, Value, json};

use super::{
    WRITES, add, change, collect, content, date, id, object, operation, path, percent, query, read,
    remove, schemas, something, writing,
};

/// The document; with the session of people who sign in, where they can.
pub(crate) fn document(has_session: bool) -> Value {
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
        "paths": paths,
        "components": {
            "schemas": all,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn paths() -> Value {
    let incident = path("incidentId", &id());
    let order = path("updateOrder", &json!({ "type": "integer", "minimum": 0 }));
    let named = path("name", &json!({ "type": "string", "minLength": 1 }));
    let month = path("month", &json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" }));
    json!({
        "/api/v1/incidents": {
            "post": add("openIncident", "incident", &[], "OwnIncident", "IdField"),
        },
        "/api/v1/incidents/{incidentId}": {
            "parameters": [incident],
            "patch": change("changeIncident", "incident", "OwnIncident"),
            "delete": quiet(remove("removeIncident", "incident")),
        },
        "/api/v1/incidents/{incidentId}/updates": {
            "parameters": [incident],
            "post": add("tellUpdate", "incident", &[], "OwnUpdate", "Order"),
        },
        "/api/v1/incidents/{incidentId}/updates/{updateOrder}": {
            "parameters": [incident, order],
            "patch": change("changeUpdate", "incident", "OwnUpdate"),
            "delete": quiet(remove("removeUpdate", "incident")),
        },
        "/api/v1/incidents/{incidentId}/postmortem": {
            "parameters": [incident],
            "put": change("writePostmortem", "incident", "Postmortem"),
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
            "put": change("putSchedule", "page", "ScheduleRequest"),
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

fn own_schemas() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let some = json!({ "type": "string", "minLength": 1 });
    let maybe = json!({ "type": "string", "nullable": true });
    let instant = json!({ "type": "string", "format": "date-time" });
    let ids = json!({ "type": "array", "items": id() });
    let notify = json!({ "type": "boolean", "default": true });
    let affects = json!({ "type": "array", "nullable": true,
        "items": { "$ref": "#/components/schemas/Impact" } });
    let template = json!({ "title": maybe, "text": maybe, "components": ids,
        "kind": { "type": "string", "format": "uuid", "nullable": true }, "severity": percent() });
    let schedule = json!({ "title": some, "text": maybe, "components": ids, "start": instant,
        "zone": maybe, "minutes": { "type": "integer", "minimum": 1 }, "rule": text,
        "except": { "type": "array", "items": instant } });
    let upstream = json!({ "provider": some, "title": some, "text": maybe,
        "url": { "type": "string", "format": "uri", "nullable": true }, "began": instant,
        "ended": date(), "components": ids });
    let mut all = collect(json!({
        "OwnIncident": something(&json!({
            "displayName": maybe, "description": maybe, "beganAt": date(), "endedAt": date(),
            "affects": affects, "phase": { "$ref": "#/components/schemas/PhaseReference" },
            "template": text, "notify": notify })),
        "OwnUpdate": something(&json!({
            "displayName": maybe, "description": maybe, "createdAt": date(),
            "template": text, "notify": notify })),
        "Postmortem": object(&json!({ "text": some, "notify": notify }), &["text"]),
        "Audiences": object(
            &json!({ "audiences": { "type": "array", "items": some } }), &["audiences"]),
        "Closing": object(
            &json!({ "policy": { "enum": ["exclude-maintenance", "count-maintenance"] } }),
            &["policy"]),
        "TemplateRequest": { "type": "object", "properties": template },
        "ScheduleRequest": object(&schedule, &["title", "components", "start", "minutes", "rule"]),
        "AudienceRequest": object(
            &json!({ "title": some, "link": { "type": "boolean", "default": false },
                "groups": { "type": "array", "maxItems": 100,
                    "items": { "type": "string", "minLength": 1, "maxLength": 200 } } }),
            &["title"]),
        "Link": object(&json!({ "link": text }), &["link"]),
        "UpstreamRequest": object(&upstream, &["provider", "title", "began"]),
        "SessionResponse": object(&json!({ "data": object(
            &json!({ "subject": text, "name": text, "until": instant,
                "roles": { "type": "array", "items": text } }),
            &["subject", "name", "roles", "until"]) }), &["data"]),
    }));
    let audience = object(
        &json!({ "name": text, "title": text, "link": { "type": "boolean" },
            "groups": { "type": "array", "items": text } }),
        &["name", "title", "link", "groups"],
    );
    let with = |base: &Value, name: &str, schema: &Value| {
        let mut base = base.clone();
        base[name] = schema.clone();
        base
    };
    for (name, one) in [
        ("Template", object(&with(&template, "name", &text), &["name"])),
        ("Schedule", object(&with(&schedule, "name", &text), &["name", "title"])),
        ("Audience", audience),
        ("Upstream", object(&with(&upstream, "id", &id()), &["id", "provider", "title", "began"])),
    ] {
        let list = json!({ "type": "array", "items": one });
        all.insert(format!("{name}ListResponse"), object(&json!({ "data": list }), &["data"]));
    }
    all
}
