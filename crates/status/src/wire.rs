//! The JSON of the compatible API: what goes out ([`component`] and the others) and what comes in
//! ([`Body`]).
//!
//! Out: `beganAt`, `endedAt` and `createdAt` are always there, other fields only when they say
//! something, lists always; times are UTC with a `Z`, because the web client cuts days off the text.
//! In: unknown fields are ignored, and so are those that only the server sets; null means "not said",
//! but for `endedAt`, which it opens again.

use std::collections::BTreeMap;

use lotse_core::id::IncidentId;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::book::Case;
use crate::command::{
    BandFields, ComponentFields, ImpactTypeFields, IncidentFields, Notice, UpdateFields,
};
use crate::error::Error;
use crate::model::{Band, Component, Impact, ImpactType, PhaseRef, Update};

/// A component and what touches it.
pub(crate) fn component(one: &Component, active: &[(IncidentId, &Impact)]) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(one.id));
    say(&mut object, "displayName", one.name.as_ref());
    object.insert("labels".to_owned(), json!(one.labels));
    let active: Vec<_> = active.iter().map(|(id, impact)| self::impact(id, impact)).collect();
    object.insert("activelyAffectedBy".to_owned(), Value::Array(active));
    Value::Object(object)
}

fn impact(reference: &impl serde::Serialize, impact: &Impact) -> Value {
    let mut object = Map::new();
    object.insert("reference".to_owned(), json!(reference));
    say(&mut object, "type", impact.kind.as_ref());
    say(&mut object, "severity", impact.severity.as_ref());
    Value::Object(object)
}

/// An incident with the numbers of its updates.
pub(crate) fn incident(case: &Case) -> Value {
    let one = &case.incident;
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(one.id));
    say(&mut object, "displayName", one.name.as_ref());
    say(&mut object, "description", one.description.as_ref());
    let affects: Vec<_> = one.affects.iter().map(|i| impact(&i.component, i)).collect();
    object.insert("affects".to_owned(), Value::Array(affects));
    object.insert("beganAt".to_owned(), json!(one.began));
    object.insert("endedAt".to_owned(), json!(one.ended));
    let phase = one.phase.map(|p| json!({ "generation": p.generation, "order": p.order }));
    say(&mut object, "phase", phase.as_ref());
    object.insert("updates".to_owned(), json!(case.updates.keys().collect::<Vec<_>>()));
    Value::Object(object)
}

/// An update.
pub(crate) fn update(one: &Update) -> Value {
    let mut object = Map::new();
    object.insert("order".to_owned(), json!(one.order));
    say(&mut object, "displayName", one.name.as_ref());
    say(&mut object, "description", one.description.as_ref());
    object.insert("createdAt".to_owned(), json!(one.created));
    Value::Object(object)
}

/// An impact type.
pub(crate) fn impact_type(one: &ImpactType) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(one.id));
    object.insert("displayName".to_owned(), json!(one.name));
    say(&mut object, "description", one.description.as_ref());
    Value::Object(object)
}

/// A name for severities.
pub(crate) fn band(one: &Band) -> Value {
    json!({ "displayName": one.name, "value": one.value })
}

fn say<T: serde::Serialize>(object: &mut Map<String, Value>, key: &str, value: Option<&T>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), json!(value));
    }
}

/// The object that a request brought.
#[derive(Debug)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    /// Reads a body. An object that says nothing at all cannot be meant.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) if object.is_empty() => {
                Err(Error::invalid("body", "the object is empty"))
            }
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(Error::invalid("body", "a JSON object is needed")),
            Err(error) => Err(Error::invalid("body", format!("this is no JSON: {error}"))),
        }
    }

    /// The fields of a component.
    pub(crate) fn component(&self) -> Result<ComponentFields, Error> {
        let (name, labels) = (self.text("displayName")?, self.labels()?);
        Ok(ComponentFields { name, labels, audiences: None })
    }

    /// The fields of an incident.
    pub(crate) fn incident(&self) -> Result<IncidentFields, Error> {
        let ended = self.0.contains_key("endedAt").then(|| self.time("endedAt")).transpose()?;
        Ok(IncidentFields {
            name: self.text("displayName")?,
            description: self.text("description")?,
            affects: self.affects()?,
            began: self.time("beganAt")?,
            ended,
            phase: self.phase()?,
        })
    }

    /// The fields of an update.
    pub(crate) fn update(&self) -> Result<UpdateFields, Error> {
        Ok(UpdateFields {
            name: self.text("displayName")?,
            description: self.text("description")?,
            created: self.time("createdAt")?,
        })
    }

    /// The fields of an impact type.
    pub(crate) fn impact_type(&self) -> Result<ImpactTypeFields, Error> {
        Ok(ImpactTypeFields {
            name: self.text("displayName")?,
            description: self.text("description")?,
        })
    }

    /// The fields of a name for severities.
    pub(crate) fn band(&self) -> Result<BandFields, Error> {
        let value = self.said("value").map(|value| percent("value", value)).transpose()?;
        Ok(BandFields { name: self.text("displayName")?, value })
    }

    /// The names of a generation of phases.
    pub(crate) fn phases(&self) -> Result<Vec<String>, Error> {
        let Some(value) = self.said("phases") else {
            return Err(Error::invalid("phases", "a list of names is needed"));
        };
        let names = list("phases", value)?.iter().enumerate();
        names.map(|(place, name)| text(&format!("phases[{place}]"), name)).collect()
    }

    /// Whether subscribers are told, as `notify` says; they are when it is not said.
    pub(crate) fn notice(&self) -> Result<Notice, Error> {
        match self.said("notify") {
            None | Some(Value::Bool(true)) => Ok(Notice::Everybody),
            Some(Value::Bool(false)) => Ok(Notice::Nobody),
            Some(_) => Err(Error::invalid("notify", "true or false is needed")),
        }
    }

    /// The name of the template that says what the body does not.
    pub(crate) fn template(&self) -> Result<Option<String>, Error> {
        self.text("template")
    }

    /// Refuses a template where nothing begins.
    pub(crate) fn without_template(&self) -> Result<(), Error> {
        if self.template()?.is_some() {
            let reason = "only new incidents and new updates begin with a template";
            return Err(Error::invalid("template", reason));
        }
        Ok(())
    }

    /// The text of a post-mortem.
    pub(crate) fn postmortem(&self) -> Result<String, Error> {
        self.text("text")?.ok_or_else(|| Error::invalid("text", "a text is needed"))
    }

    fn said(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        self.said(key).map(|value| text(key, value)).transpose()
    }

    fn time(&self, key: &str) -> Result<Option<Timestamp>, Error> {
        let Some(value) = self.said(key) else { return Ok(None) };
        moment(key, &text(key, value)?).map(Some)
    }

    fn labels(&self) -> Result<Option<BTreeMap<String, String>>, Error> {
        let Some(value) = self.said("labels") else { return Ok(None) };
        let Value::Object(object) = value else {
            return Err(Error::invalid("labels", "an object is needed"));
        };
        let label = |(key, value): (&String, &Value)| {
            Ok((key.clone(), text(&format!("labels.{key}"), value)?))
        };
        object.iter().map(label).collect::<Result<_, _>>().map(Some)
    }

    fn affects(&self) -> Result<Option<Vec<Impact>>, Error> {
        let Some(value) = self.said("affects") else { return Ok(None) };
        let impacts = list("affects", value)?.iter().enumerate();
        impacts.map(|(place, value)| to_impact(place, value)).collect::<Result<_, _>>().map(Some)
    }

    fn phase(&self) -> Result<Option<PhaseRef>, Error> {
        let Some(value) = self.said("phase") else { return Ok(None) };
        let number = |key: &str| {
            let field = format!("phase.{key}");
            let number = value.get(key).filter(|number| !number.is_null());
            let number = number.ok_or_else(|| Error::invalid(&field, "a number is needed"))?;
            whole(&field, number)
        };
        Ok(Some(PhaseRef { generation: number("generation")?, order: number("order")? }))
    }
}

fn to_impact(place: usize, value: &Value) -> Result<Impact, Error> {
    let Value::Object(object) = value else {
        return Err(Error::invalid(format!("affects[{place}]"), "an object is needed"));
    };
    let said = |key: &str| object.get(key).filter(|value| !value.is_null());
    let field = |key: &str| format!("affects[{place}].{key}");
    let id = |key: &str| {
        said(key).map(|value| uuid(&field(key), &text(&field(key), value)?)).transpose()
    };
    let missing = || Error::invalid(field("reference"), "the id of a component is needed");
    Ok(Impact {
        component: lotse_core::id::ComponentId::from_uuid(id("reference")?.ok_or_else(missing)?),
        kind: id("type")?.map(lotse_core::id::ImpactTypeId::from_uuid),
        severity: said("severity").map(|v| percent(&field("severity"), v)).transpose()?,
    })
}

fn text(field: &str, value: &Value) -> Result<String, Error> {
    let text = value.as_str().ok_or_else(|| Error::invalid(field, "a text is needed"))?;
    Ok(text.to_owned())
}

fn list<'a>(field: &str, value: &'a Value) -> Result<&'a Vec<Value>, Error> {
    value.as_array().ok_or_else(|| Error::invalid(field, "a list is needed"))
}

/// A number from 0 to 100.
fn percent(field: &str, value: &Value) -> Result<u8, Error> {
    let number = whole(field, value)?;
    u8::try_from(number)
        .ok()
        .filter(|number| *number <= crate::model::WORST)
        .ok_or_else(|| Error::invalid(field, "a number from 0 to 100 is needed"))
}

/// A whole number that is not negative; `1.0` is one, too (JSON Schema, `integer`).
fn whole(field: &str, value: &Value) -> Result<u32, Error> {
    let exact = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
        format!("{number:.0}").parse().ok()
    });
    exact
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| Error::invalid(field, "a whole number is needed that is not negative"))
}

/// An id.
pub(crate) fn uuid(field: &str, text: &str) -> Result<Uuid, Error> {
    // The other ways to write a UUID (braces, without hyphens) are not those of the document.
    Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or_else(|| Error::invalid(field, "this is no UUID"))
}

/// A point in time (RFC 3339).
pub(crate) fn moment(field: &str, text: &str) -> Result<Timestamp, Error> {
    let wrong = || {
        Error::invalid(field, "a time as in RFC 3339 is needed, for example 2026-11-21T10:00:00Z")
    };
    // Without `T` and an offset it would be read as something else than what RFC 3339 says.
    let has_time = text.as_bytes().get(10).is_some_and(|sign| matches!(sign, b'T' | b't' | b' '));
    if !has_time || text.contains('[') {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// A point in time, or a date, which means its beginning in UTC.
pub(crate) fn moment_or_date(field: &str, text: &str) -> Result<Timestamp, Error> {
    if text.len() == 10 {
        return moment(field, &format!("{text}T00:00:00Z"));
    }
    moment(field, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_rfc_3339_says_and_written_in_utc() {
        let at = moment("t", "2026-11-21T10:00:00+01:00").unwrap();
        assert_eq!(json!(at), "2026-11-21T09:00:00Z");
        assert_eq!(moment("t", "2026-11-21t09:00:00z").unwrap(), at);
        assert!(moment("t", "0001-01-01T00:00:00Z").is_ok());
        for wrong in ["2026-11-21", "yesterday", "2026-11-21T10:00", "2026-13-01T00:00:00Z", ""] {
            assert!(moment("t", wrong).is_err(), "{wrong}");
        }
        assert_eq!(json!(moment_or_date("t", "2026-11-21").unwrap()), "2026-11-21T00:00:00Z");
    }

    #[test]
    fn only_the_null_of_an_end_says_something() {
        let body = Body::read(br#"{"endedAt":null,"beganAt":null,"displayName":null}"#).unwrap();
        let fields = body.incident().unwrap();
        assert_eq!(fields.ended, Some(None));
        assert_eq!((fields.began, fields.name), (None, None));
        assert_eq!(Body::read(br#"{"x":1}"#).unwrap().incident().unwrap().ended, None);
    }

    #[test]
    fn numbers_of_json_schema_are_taken_and_no_others() {
        let read = |text: &str| whole("n", &serde_json::from_str(text).unwrap()).ok();
        assert_eq!([read("7"), read("7.0"), read("7e0")], [Some(7); 3]);
        assert_eq!([read("-1"), read("7.5"), read("1e300"), read("4294967296")], [None; 4]);
        assert_eq!([read("\"7\""), read("true"), read("[]")], [None; 3]);
    }
}
