//! The OpenAPI document (3.0.3) of the compatible API as we serve it: the paths and names of the SCS
//! document, and what that one leaves open: every refusal, what bodies must hold, who may write.

mod own;

use serde_json::{Map, Value, json};

pub(crate) use self::own::document as own_document;

/// What an operation can refuse with, beside success.
const READS: &[u16] = &[400, 404, 405];
const WRITES: &[u16] = &[400, 401, 403, 404, 405, 409, 413, 415, 503];

/// The document; `has_local_writes` when who is on the same machine needs no token.
pub(crate) fn document(has_local_writes: bool) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Lotse status page, compatible API",
            "version": "1.1.2",
            "description": "Compatible with the SCS Status Page API 1.1.2. Reading is for \
                everybody; writing takes an API token, or being on the same machine.",
            "license": { "name": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "phase", "description": "The phases of incidents." },
            { "name": "impact", "description": "Impact types and severities." },
            { "name": "component", "description": "What users of the cloud use." },
            { "name": "incident", "description": "Incidents, maintenance, and their updates." },
        ],
        "paths": secured(paths(), has_local_writes),
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

/// The operations, with what each of those that ask for a token takes instead of one.
fn secured(mut paths: Value, has_local_writes: bool) -> Value {
    let paths_of = paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = paths_of.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    for security in operations.filter_map(|operation| operation.get_mut("security")) {
        if has_local_writes {
            // Being on the same machine is enough.
            *security = json!([{ "token": [] }, {}]);
        }
    }
    paths
}

fn paths() -> Value {
    let component = path("componentId", &id());
    let incident = path("incidentId", &id());
    let order = path("updateOrder", &json!({ "type": "integer", "minimum": 0 }));
    let impact_type = path("impactTypeId", &id());
    let severity = path("severityName", &json!({ "type": "string", "minLength": 1 }));
    let at = query("at", &date(), false);
    let generation = query("generation", &json!({ "type": "integer", "minimum": 1 }), false);
    let window = [query("start", &date(), true), query("end", &date(), true)];
    json!({
        "/phases": {
            "get": read("getPhaseList", "phase", &[generation], "PhaseListResponse"),
            "post": add("createPhaseList", "phase", &[], "PhaseListRequest", "Generation"),
        },
        "/impacttypes": {
            "get": read("getImpactTypes", "impact", &[], "ImpactTypeListResponse"),
            "post": add("createImpactType", "impact", &[], "NewImpactType", "IdField"),
        },
        "/impacttypes/{impactTypeId}": {
            "parameters": [impact_type],
            "get": read("getImpactType", "impact", &[], "ImpactTypeResponse"),
            "patch": change("updateImpactType", "impact", "ImpactTypeRequest"),
            "delete": remove("deleteImpactType", "impact"),
        },
        "/severities": {
            "get": read("getSeverities", "impact", &[], "SeverityListResponse"),
            "post": change("createSeverity", "impact", "NewSeverity"),
        },
        "/severities/{severityName}": {
            "parameters": [severity],
            "get": read("getSeverity", "impact", &[], "SeverityResponse"),
            "patch": change("updateSeverity", "impact", "SeverityRequest"),
            "delete": remove("deleteSeverity", "impact"),
        },
        "/components": {
            "get": read("getComponents", "component", std::slice::from_ref(&at), "ComponentListResponse"),
            "post": add("createComponent", "component", &[], "ComponentRequest", "IdField"),
        },
        "/components/{componentId}": {
            "parameters": [component],
            "get": read("getComponent", "component", &[at], "ComponentResponse"),
            "patch": change("updateComponent", "component", "ComponentRequest"),
            "delete": remove("deleteComponent", "component"),
        },
        "/incidents": {
            "get": read("getIncidents", "incident", &window, "IncidentListResponse"),
            "post": add("createIncident", "incident", &[], "IncidentRequest", "IdField"),
        },
        "/incidents/{incidentId}": {
            "parameters": [incident],
            "get": read("getIncident", "incident", &[], "IncidentResponse"),
            "patch": change("updateIncident", "incident", "IncidentRequest"),
            "delete": remove("deleteIncident", "incident"),
        },
        "/incidents/{incidentId}/updates": {
            "parameters": [incident],
            "get": read("getIncidentUpdates", "incident", &[], "IncidentUpdateListResponse"),
            "post": add("createIncidentUpdate", "incident", &[], "IncidentUpdateRequest", "Order"),
        },
        "/incidents/{incidentId}/updates/{updateOrder}": {
            "parameters": [incident, order],
            "get": read("getIncidentUpdate", "incident", &[], "IncidentUpdateResponse"),
            "patch": change("updateIncidentUpdate", "incident", "IncidentUpdateRequest"),
            "delete": remove("deleteIncidentUpdate", "incident"),
        },
    })
}

fn schemas() -> Value {
    let mut schemas = json!({
        "Id": id(),
        "IdField": object(&json!({ "id": id() }), &["id"]),
        "Order": object(&json!({ "order": count() }), &["order"]),
        "Generation": object(&json!({ "generation": count() }), &["generation"]),
        "PhaseReference": object(
            &json!({ "generation": count(), "order": count() }), &["generation", "order"]),
        "Message": object(&json!({ "message": { "type": "string" } }), &["message"]),
        "Impact": object(&json!({ "reference": id(), "type": id(), "severity": percent() }),
            &["reference"]),
    });
    let all = [requests(), responses()];
    if let Value::Object(schemas) = &mut schemas {
        for more in all {
            schemas.extend(more);
        }
    }
    schemas
}

/// Bodies. Null means "not said" where something may be left out; what only the server sets is not
/// named, and ignored when it is sent along.
fn requests() -> Map<String, Value> {
    let text = text();
    let name = json!({ "type": "string", "minLength": 1 });
    let maybe_name = nullable(name.clone());
    let value = json!({ "type": "integer", "minimum": 1, "maximum": 100 });
    let maybe_value = nullable(value.clone());
    let labels = json!({ "type": "object", "nullable": true,
        "additionalProperties": { "type": "string" } });
    collect(json!({
        "PhaseListRequest": object(
            &json!({ "phases": { "type": "array", "minItems": 1, "items": name } }), &["phases"]),
        "NewImpactType": object(
            &json!({ "displayName": name, "description": text }), &["displayName"]),
        "ImpactTypeRequest": something(
            &json!({ "displayName": maybe_name, "description": text })),
        "NewSeverity": object(
            &json!({ "displayName": name, "value": value }), &["displayName", "value"]),
        "SeverityRequest": something(
            &json!({ "displayName": maybe_name, "value": maybe_value })),
        "ComponentRequest": something(&json!({ "displayName": text, "labels": labels })),
        "IncidentRequest": something(&incident_fields()),
        "IncidentUpdateRequest": something(&update_fields()),
    }))
}

/// What can be said of an incident.
fn incident_fields() -> Value {
    let impact = object(
        &json!({ "reference": id(), "type": nullable(id()), "severity": nullable(percent()) }),
        &["reference"],
    );
    let phase =
        object(&json!({ "generation": count(), "order": count() }), &["generation", "order"]);
    json!({
        "displayName": text(), "description": text(), "beganAt": date(), "endedAt": date(),
        "affects": { "type": "array", "nullable": true, "items": impact },
        "phase": nullable(phase),
    })
}

/// What can be said of an update.
fn update_fields() -> Value {
    json!({ "displayName": text(), "description": text(), "createdAt": date() })
}

/// A text that may be left out.
fn text() -> Value {
    nullable(json!({ "type": "string" }))
}

fn responses() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let shown = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut all = collect(json!({
        "PhaseList": object(&json!({
            "generation": count(), "phases": { "type": "array", "items": text } }),
            &["generation", "phases"]),
        "ImpactType": object(&json!({
            "id": read_only(id()), "displayName": text, "description": text }),
            &["id", "displayName"]),
        "Severity": object(
            &json!({ "displayName": text, "value": percent() }), &["displayName", "value"]),
        "Component": object(&json!({
            "id": read_only(id()), "displayName": text,
            "labels": { "type": "object", "additionalProperties": text },
            "activelyAffectedBy": read_only(
                json!({ "type": "array", "items": shown("Impact") })) }),
            &["id", "labels", "activelyAffectedBy"]),
        "Incident": object(&json!({
            "id": read_only(id()), "displayName": text, "description": text,
            "affects": { "type": "array", "items": shown("Impact") },
            "beganAt": date(), "endedAt": date(), "phase": shown("PhaseReference"),
            "updates": read_only(json!({ "type": "array", "items": count() })) }),
            &["id", "affects", "beganAt", "endedAt", "updates"]),
        "IncidentUpdate": object(&json!({
            "order": read_only(count()), "displayName": text, "description": text,
            "createdAt": date() }),
            &["order", "createdAt"]),
    }));
    for name in ["ImpactType", "Severity", "Component", "Incident", "IncidentUpdate"] {
        let list = json!({ "type": "array", "items": shown(name) });
        all.insert(format!("{name}Response"), object(&json!({ "data": shown(name) }), &["data"]));
        all.insert(format!("{name}ListResponse"), object(&json!({ "data": list }), &["data"]));
    }
    let phases = object(&json!({ "data": shown("PhaseList") }), &["data"]);
    all.insert("PhaseListResponse".to_owned(), phases);
    all
}

fn collect(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn date() -> Value {
    json!({ "type": "string", "format": "date-time", "nullable": true })
}

/// A number that counts up. We count to 2^32.
fn count() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
}

fn percent() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 100 })
}

fn nullable(mut schema: Value) -> Value {
    schema["nullable"] = json!(true);
    schema
}

fn read_only(mut schema: Value) -> Value {
    schema["readOnly"] = json!(true);
    schema
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// An object that says at least something.
fn something(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties, "minProperties": 1 })
}

fn path(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn query(name: &str, schema: &Value, required: bool) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(schema) = &mut schema {
        // There is no null in an address.
        schema.shift_remove("nullable");
    }
    json!({ "name": name, "in": "query", "required": required, "schema": schema })
}

fn operation(name: &str, tag: &str, refusals: &[u16], success: (&str, Value)) -> Value {
    let mut responses = Map::new();
    responses.insert(success.0.to_owned(), success.1);
    for status in refusals {
        let message = json!({ "$ref": "#/components/schemas/Message" });
        let refusal = json!({
            "description": reason(*status),
            "content": { "application/json": { "schema": message } },
        });
        responses.insert(status.to_string(), refusal);
    }
    json!({ "operationId": name, "tags": [tag], "responses": responses })
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "What was sent cannot be meant.",
        401 => "An API token is needed.",
        403 => "The token or the origin does not allow this.",
        404 => "There is no such thing.",
        405 => "This method is not allowed here.",
        409 => "The state of the page forbids it.",
        413 => "The body is too large.",
        415 => "The body is not application/json.",
        _ => "The state cannot be read or written for now.",
    }
}

fn content(description: &str, schema: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    json!({
        "description": description,
        "content": { "application/json": { "schema": schema } },
    })
}

fn read(name: &str, tag: &str, parameters: &[Value], schema: &str) -> Value {
    let mut operation = operation(name, tag, READS, ("200", content("Found.", schema)));
    operation["parameters"] = json!(parameters);
    operation
}

fn writing(mut operation: Value, body: Option<&str>) -> Value {
    operation["security"] = json!([{ "token": [] }]);
    if let Some(schema) = body {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn add(name: &str, tag: &str, parameters: &[Value], body: &str, made: &str) -> Value {
    let mut operation = operation(name, tag, WRITES, ("201", content("Made.", made)));
    operation["parameters"] = json!(parameters);
    writing(operation, Some(body))
}

fn change(name: &str, tag: &str, body: &str) -> Value {
    let done = ("204", json!({ "description": "Done." }));
    writing(operation(name, tag, WRITES, done), Some(body))
}

fn remove(name: &str, tag: &str) -> Value {
    let done = ("204", json!({ "description": "Done." }));
    writing(operation(name, tag, WRITES, done), None)
}
