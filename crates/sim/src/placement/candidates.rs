//! Allocation candidates: which providers could give what somebody wants.
//!
//! Candidates are single providers: requests with numbered groups are answered as one group, for the
//! hosts here have no nested providers.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Refusal, dated};
use super::model::{Amounts, Placement, Provider};
use super::traits::{is_class, is_known};
use crate::http::query::Query;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new().route("/allocation_candidates", get(index))
}

/// `VCPU:1,MEMORY_MB:512`.
pub(crate) fn amounts(placement: &Placement, text: &str) -> Result<Amounts, Refusal> {
    let mut found = Amounts::new();
    for part in text.split(',') {
        let wrong = || {
            Refusal::bad(format!(
                "Badly formed resources parameter. Expected resources query string parameter in \
                 form: ?resources=VCPU:2,MEMORY_MB:1024. Got: {text}."
            ))
        };
        let (class, amount) = part.split_once(':').ok_or_else(wrong)?;
        let amount: u64 = amount.parse().map_err(|_| {
            Refusal::bad(format!(
                "Requested resource {class} expected positive integer amount. Got: {amount}."
            ))
        })?;
        if amount == 0 {
            let text = format!("Requested resource {class} requires amount >= 1. Got: 0.");
            return Err(Refusal::bad(text));
        }
        if !is_class(placement, class) {
            return Err(Refusal::bad(format!(
                "Invalid resource class in resources parameter: No such resource class {class}."
            )));
        }
        found.insert(class.to_owned(), amount);
    }
    Ok(found)
}

/// Whether a provider could give so much.
pub(crate) fn has_room(provider: &Provider, wanted: &Amounts) -> bool {
    wanted.iter().all(|(class, amount)| {
        provider.inventories.get(class).is_some_and(|inventory| {
            inventory.takes(*amount) && provider.used(class) + amount <= inventory.capacity()
        })
    })
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Refusal> {
    asked.needs(10)?;
    asked.admin_only("allocation_candidates:list")?;
    known_parameters(&asked, &query)?;
    let groups: Vec<&(String, String)> =
        query.0.iter().filter(|(name, _)| name.starts_with("resources")).collect();
    if groups.is_empty() {
        return Err(if asked.at_least(25) {
            let text = "There must be at least one resources or resources[$S] parameter.";
            Refusal::coded(text, "query.missing_value")
        } else {
            let text = "Invalid query string parameters: 'resources' is a required property";
            Refusal::bad(text)
        });
    }
    let limit = match query.get("limit") {
        None => usize::MAX,
        Some(text) => text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
            Refusal::bad(format!(
                "Invalid query string parameters: '{text}' does not match '^[1-9][0-9]*$'"
            ))
        })?,
    };
    let placement = world.placement();
    let mut wanted = Amounts::new();
    for (_, text) in groups {
        for (class, amount) in amounts(&placement, text)? {
            *wanted.entry(class).or_default() += amount;
        }
    }
    let required: Vec<&str> = query.all("required").flat_map(|text| text.split(',')).collect();
    for name in &required {
        let name = name.trim_start_matches('!');
        if !is_known(&placement, name) {
            return Err(Refusal::bad(format!("No such trait(s): {name}.")));
        }
    }
    let both: Vec<&str> = required
        .iter()
        .copied()
        .filter(|name| required.iter().any(|other| other.strip_prefix('!') == Some(name)))
        .collect();
    if !both.is_empty() {
        return Err(Refusal::bad(format!(
            "Conflicting required and forbidden traits found in the following traits keys: \
             required: ({})",
            both.join(", ")
        )));
    }
    let tree = query.get("in_tree").map(|id| {
        placement.providers.get(id).map_or(String::new(), |one| placement.root(one).to_owned())
    });
    let member = query.get("member_of").map(|text| text.trim_start_matches("in:"));
    let fitting: Vec<&Provider> = placement
        .providers
        .values()
        .filter(|one| has_room(one, &wanted))
        .filter(|one| tree.as_deref().is_none_or(|tree| placement.root(one) == tree))
        .filter(|one| {
            required.iter().all(|name| match name.strip_prefix('!') {
                Some(forbidden) => !one.traits.contains(forbidden),
                None => one.traits.contains(*name),
            })
        })
        .filter(|one| {
            member.is_none_or(|text| text.split(',').any(|id| one.aggregates.contains(id)))
        })
        .take(limit)
        .collect();
    let requests: Value = fitting.iter().map(|one| request(&asked, one, &wanted)).collect();
    let summaries: Map<String, Value> = fitting
        .iter()
        .map(|one| (one.uuid.clone(), summary(&placement, &asked, one, &wanted)))
        .collect();
    let body = json!({"allocation_requests": requests, "provider_summaries": summaries});
    Ok(dated(&asked, world.now(), body))
}

/// Names that may have a suffix of letters and digits, in the order in which refusals list them.
const GROUPED: [&str; 4] = ["in_tree", "member_of", "required", "resources"];

/// Refuses parameters that there are not.
fn known_parameters(asked: &Asked, query: &Query) -> Result<(), Refusal> {
    // Groups came with 1.25; with 1.33 they may have any short name.
    let suffix = match asked.version.minor {
        33.. => Some("([a-zA-Z0-9_-]{1,64})"),
        25.. => Some("([1-9][0-9]*)"),
        _ => None,
    };
    let single = ["limit", "group_policy", "root_required", "same_subtree"];
    let known = |name: &str| {
        single.contains(&name)
            || GROUPED.iter().any(|start| {
                name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || suffix.is_some())
            })
    };
    let Some((name, _)) = query.0.iter().find(|(name, _)| !known(name)) else { return Ok(()) };
    let Some(suffix) = suffix else {
        return Err(Refusal::bad(format!(
            "Invalid query string parameters: Additional properties are not allowed ('{name}' was \
             unexpected)"
        )));
    };
    let patterns = GROUPED.map(|start| format!("'^{start}{suffix}?$'")).join(", ");
    Err(Refusal::bad(format!(
        "Invalid query string parameters: '{name}' does not match any of the regexes: {patterns}"
    )))
}

fn request(asked: &Asked, provider: &Provider, wanted: &Amounts) -> Value {
    if !asked.at_least(12) {
        return json!({"allocations": [{
            "resource_provider": {"uuid": provider.uuid}, "resources": wanted,
        }]});
    }
    let mut shown = json!({"allocations": {&provider.uuid: {"resources": wanted}}});
    if asked.at_least(34) {
        shown["mappings"] = json!({"": [provider.uuid]});
    }
    shown
}

fn summary(placement: &Placement, asked: &Asked, provider: &Provider, wanted: &Amounts) -> Value {
    // Since 1.27 all classes are told, not only those that are wanted.
    let classes = provider
        .inventories
        .iter()
        .filter(|(class, _)| asked.at_least(27) || wanted.contains_key(*class));
    let resources: Map<String, Value> = classes
        .map(|(class, inventory)| {
            let row = json!({"capacity": inventory.capacity(), "used": provider.used(class)});
            (class.clone(), row)
        })
        .collect();
    let mut shown = json!({"resources": resources});
    if asked.at_least(17) {
        shown["traits"] = json!(provider.traits);
    }
    if asked.at_least(29) {
        shown["parent_provider_uuid"] = json!(provider.parent);
        shown["root_provider_uuid"] = json!(placement.root(provider));
    }
    shown
}
