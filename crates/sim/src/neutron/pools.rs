//! Subnet pools and address scopes, in outline: prefixes that subnets are cut from.

use serde_json::{Map, Value, json};

use super::access::Change;
use super::address::{Cidr, number};
use super::attribute::Otherwise::{Empty, False, Null, Required, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{AddressScope, Network, RbacPolicy, Standard, SubnetPool};
use super::refusal::Refusal;
use super::resource::{Resource, find, rename, stored, text, text_or_null, truth};
use crate::keystone::caller::Caller;

impl Resource for SubnetPool {
    const KIND: Kind = Kind { one: "subnetpool", many: "subnetpools" };
    const PATH: &'static str = "subnetpools";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Required, Check::Text(255)),
        attribute("prefixes", "PU", Required, Check::List),
        attribute("default_quota", "PUFS", Null, Check::Any),
        attribute("ip_version", "FS", Unset, Check::Any),
        attribute("default_prefixlen", "PUFS", Null, Check::Natural),
        attribute("min_prefixlen", "PUFS", Null, Check::Natural),
        attribute("max_prefixlen", "PUFS", Null, Check::Natural),
        attribute("shared", "PFSEA", False, Check::Bool),
        attribute("is_default", "PUFSEA", False, Check::Bool),
        attribute("address_scope_id", "PUFS", Null, Check::UuidOrNull),
        attribute("description", "PUF", Empty, Check::Text(255)),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "name",
            "tenant_id",
            "default_prefixlen",
            "min_prefixlen",
            "max_prefixlen",
            "is_default",
            "shared",
            "prefixes",
            "ip_version",
            "default_quota",
            "address_scope_id",
            "description",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &[],
    );
    const QUOTA: Option<&'static str> = Some("subnetpool");

    stored!(subnetpools, shared);

    fn show(&self, state: &Network, caller: &Caller, name: &str) -> Value {
        match name {
            // As in Neutron, these three are texts.
            "default_prefixlen" => json!(self.default_prefixlen.to_string()),
            "min_prefixlen" => json!(self.min_prefixlen.to_string()),
            "max_prefixlen" => json!(self.max_prefixlen.to_string()),
            "is_default" => json!(self.is_default),
            "shared" => json!(state.is_shared(&self.standard.id, caller.project())),
            "prefixes" => json!(self.prefixes),
            "ip_version" => json!(self.prefixes.first().map(|it| it.version())),
            "default_quota" => json!(self.default_quota),
            "address_scope_id" => json!(self.address_scope_id),
            _ => Value::Null,
        }
    }

    fn updated(shown: &mut Map<String, Value>) {
        // Here they are numbers, and the quota is left out.
        for name in ["default_prefixlen", "min_prefixlen", "max_prefixlen"] {
            let number = shown.get(name).and_then(Value::as_str).and_then(|it| it.parse().ok());
            shown.insert(name.to_owned(), json!(number.unwrap_or(0_u8)));
        }
        shown.remove("default_quota");
    }

    fn missing(id: &str) -> Refusal {
        let text = format!("Subnet pool {id} could not be found.");
        Refusal::missing("SubnetPoolNotFound", text)
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let project = text(&item, "project_id");
        let prefixes = read_prefixes(item.get("prefixes").unwrap_or(&Value::Null))?;
        let four = prefixes.first().is_none_or(|it| it.version() == 4);
        let (least, most) = if four { (8, 32) } else { (64, 128) };
        let length = |name: &str, otherwise: u8| {
            let said = item.get(name).and_then(Value::as_u64);
            said.and_then(|it| u8::try_from(it).ok()).unwrap_or(otherwise)
        };
        let min_prefixlen = length("min_prefixlen", least);
        let scope = text_or_null(&item, "address_scope_id");
        if let Some(id) = &scope {
            find::<AddressScope>(state, change.caller(), id)?;
        }
        let mut pool = Self {
            standard: change.standard(&project),
            prefixes,
            default_prefixlen: length("default_prefixlen", min_prefixlen),
            min_prefixlen,
            max_prefixlen: length("max_prefixlen", most),
            default_quota: item.get("default_quota").and_then(Value::as_u64),
            is_default: truth(&item, "is_default"),
            address_scope_id: scope,
        };
        rename(&mut pool.standard, &item);
        let id = pool.standard.id.clone();
        state.put_pool(pool);
        share(state, change, &item, "subnetpool", &id);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let prefixes = item.get("prefixes").map(read_prefixes).transpose()?;
        let pool = state.subnetpools.get_mut(id).ok_or_else(|| Self::missing(id))?;
        if let Some(prefixes) = prefixes {
            let kept = pool.prefixes.iter().all(|old| {
                prefixes.iter().any(|new| new.overlaps(*old) && new.prefix <= old.prefix)
            });
            if !kept {
                let text = "Illegal update to prefixes: Existing prefixes must be a subset of the \
                            new prefixes.";
                return Err(Refusal::wrong("IllegalSubnetPoolPrefixUpdate", text));
            }
            pool.prefixes = prefixes;
        }
        for (name, place) in [
            ("default_prefixlen", &mut pool.default_prefixlen),
            ("min_prefixlen", &mut pool.min_prefixlen),
            ("max_prefixlen", &mut pool.max_prefixlen),
        ] {
            let said = item.get(name).and_then(Value::as_u64);
            *place = said.and_then(|it| u8::try_from(it).ok()).unwrap_or(*place);
        }
        if item.contains_key("is_default") {
            pool.is_default = truth(&item, "is_default");
        }
        rename(&mut pool.standard, &item);
        pool.standard.touch(change.now);
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        if state.subnets.values().any(|it| it.subnetpool_id.as_deref() == Some(id)) {
            return Err(Refusal::wrong(
                "SubnetPoolDeleteError",
                "Unable to delete subnet pool: Subnet pool has existing allocations.",
            ));
        }
        drop_policies(state, id);
        state.take_pool(id);
        Ok(())
    }
}

fn share(
    state: &mut Network,
    change: &Change<'_>,
    item: &Map<String, Value>,
    kind: &str,
    id: &str,
) {
    if truth(item, "shared") {
        state.put_policy(RbacPolicy {
            standard: change.standard(&text(item, "project_id")),
            object_type: kind.to_owned(),
            object_id: id.to_owned(),
            action: "access_as_shared".to_owned(),
            target: "*".to_owned(),
        });
    }
}

/// Forgets who may use an object that is gone.
pub(crate) fn drop_policies(state: &mut Network, object: &str) {
    let policies: Vec<String> = state.index.policies_of(object).map(str::to_owned).collect();
    for policy in policies {
        state.take_policy(&policy);
    }
}

fn read_prefixes(value: &Value) -> Result<Vec<Cidr>, Refusal> {
    let mut prefixes: Vec<Cidr> = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let shown = python(item);
        let cidr = shown.parse().map_err(|_| {
            Refusal::value("prefixes", &format!("'{shown}' is not a valid IP subnet"))
        })?;
        prefixes.push(cidr);
    }
    let Some(first) = prefixes.first() else {
        let text = "Empty subnet pool prefix list.";
        return Err(Refusal::wrong("EmptySubnetPoolPrefixList", text));
    };
    if prefixes.iter().any(|it| it.version() != first.version()) {
        let text = "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.";
        return Err(Refusal::wrong("PrefixVersionMismatch", text));
    }
    Ok(prefixes)
}

/// The range of a new subnet: as the body says, or cut from a pool.
pub(crate) fn range(
    state: &Network,
    caller: &Caller,
    item: &Map<String, Value>,
) -> Result<(Cidr, Option<String>), Refusal> {
    let cidr: Option<Cidr> = match item.get("cidr") {
        None => None,
        Some(Value::String(text)) => Some(
            text.parse().map_err(|_| Refusal::input(&format!("{text} is not in a CIDR format")))?,
        ),
        // Neutron checks the text later than it uses it.
        Some(_) => return Err(Refusal::internal()),
    };
    let version = item.get("ip_version").and_then(Value::as_u64).unwrap_or(4);
    let pool = match text_or_null(item, "subnetpool_id") {
        Some(id) => Some(find::<SubnetPool>(state, caller, &id)?),
        None if truth(item, "use_default_subnetpool") => {
            let default = state.subnetpools.values().find(|it| {
                it.is_default
                    && it.prefixes.first().is_some_and(|it| u64::from(it.version()) == version)
            });
            Some(default.ok_or_else(|| {
                Refusal::wrong(
                    "BadRequest",
                    format!("Bad subnets request: No default subnetpool found for IPv{version}."),
                )
            })?)
        }
        None => None,
    };
    let Some(pool) = pool else {
        let text = "Bad subnets request: a subnetpool must be specified in the absence of a cidr.";
        return cidr.map(|it| (it, None)).ok_or_else(|| Refusal::wrong("BadRequest", text));
    };
    let id = pool.standard.id.clone();
    let used: Vec<Cidr> = state
        .subnets
        .values()
        .filter(|it| it.subnetpool_id.as_ref() == Some(&id))
        .map(|it| it.cidr)
        .collect();
    if let Some(cidr) = cidr {
        let inside = pool.prefixes.iter().any(|it| it.overlaps(cidr) && it.prefix <= cidr.prefix);
        if !inside || used.iter().any(|it| it.overlaps(cidr)) {
            return Err(refused(
                "Cannot allocate requested subnet from the available set of prefixes",
            ));
        }
        return Ok((cidr, Some(id)));
    }
    let wanted = item.get("prefixlen").and_then(Value::as_u64);
    let prefix = wanted.and_then(|it| u8::try_from(it).ok()).unwrap_or(pool.default_prefixlen);
    if prefix < pool.min_prefixlen {
        let text = format!(
            "Unable to allocate subnet with prefix length {prefix}, minimum allowed prefix is {}.",
            pool.min_prefixlen
        );
        return Err(Refusal::wrong("MinPrefixSubnetAllocationError", text));
    }
    if prefix > pool.max_prefixlen {
        let text = format!(
            "Unable to allocate subnet with prefix length {prefix}, maximum allowed prefix is {}.",
            pool.max_prefixlen
        );
        return Err(Refusal::wrong("MaxPrefixSubnetAllocationError", text));
    }
    let cut = pool.prefixes.iter().find_map(|it| cut(*it, prefix, &used));
    let cut = cut.ok_or_else(|| refused("Insufficient prefix space to allocate subnet size"))?;
    Ok((cut, Some(id)))
}

fn refused(reason: &str) -> Refusal {
    let text = format!("Failed to allocate subnet: {reason}.");
    Refusal::new(http::StatusCode::INTERNAL_SERVER_ERROR, "SubnetAllocationError", text)
}

/// The lowest free range of this length.
fn cut(within: Cidr, prefix: u8, used: &[Cidr]) -> Option<Cidr> {
    let mut candidate = Cidr::around(within.base, prefix)?;
    while within.contains(candidate.base) && within.prefix <= prefix {
        match used.iter().find(|it| it.overlaps(candidate)) {
            None => return Some(candidate),
            Some(other) => {
                let beyond = other.last().max(candidate.last());
                let next = number(beyond).checked_add(1)? - number(within.base);
                candidate = Cidr::around(within.nth(next), prefix)?;
            }
        }
    }
    None
}

impl Network {
    /// The address scope of a network's subnets of a family.
    pub(crate) fn scope_of(&self, network: &str, version: u8) -> Option<String> {
        self.subnets_of(network)
            .filter(|it| it.cidr.version() == version)
            .filter_map(|it| self.subnetpools.get(it.subnetpool_id.as_ref()?))
            .find_map(|it| it.address_scope_id.clone())
    }
}

impl Resource for AddressScope {
    const KIND: Kind = Kind { one: "address_scope", many: "address_scopes" };
    const PATH: &'static str = "address-scopes";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::Text(255)),
        attribute("shared", "PUFSEA", False, Check::Bool),
        attribute("ip_version", "PFS", Required, Check::Numbers(&[4, 6])),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) =
        (&["id", "name", "tenant_id", "shared", "ip_version", "project_id"], &[]);

    stored!(address_scopes, shared);

    fn show(&self, state: &Network, caller: &Caller, name: &str) -> Value {
        match name {
            "shared" => json!(state.is_shared(&self.standard.id, caller.project())),
            "ip_version" => json!(self.ip_version),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        Refusal::missing("AddressScopeNotFound", format!("Address scope {id} could not be found."))
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let version = item.get("ip_version").and_then(Value::as_u64);
        let mut scope = Self {
            standard: change.standard(&text(&item, "project_id")),
            ip_version: if version == Some(6) { 6 } else { 4 },
        };
        rename(&mut scope.standard, &item);
        let id = scope.standard.id.clone();
        state.address_scopes.insert(id.clone(), scope);
        share(state, change, &item, "address_scope", &id);
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        if let Some(scope) = state.address_scopes.get_mut(id) {
            rename(&mut scope.standard, &item);
            scope.standard.touch(change.now);
        }
        if truth(&item, "shared") && !state.grants(id, "access_as_shared", None) {
            share(state, change, &item, "address_scope", id);
        }
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        if state.subnetpools.values().any(|it| it.address_scope_id.as_deref() == Some(id)) {
            return Err(Refusal::conflict(
                "AddressScopeInUse",
                format!(
                    "Unable to complete operation on address scope {id}. There are one or more \
                     subnet pools in use on the address scope."
                ),
            ));
        }
        drop_policies(state, id);
        state.address_scopes.remove(id);
        Ok(())
    }
}
