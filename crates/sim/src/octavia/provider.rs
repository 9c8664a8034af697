//! What the providers can do, and how their work ends.
//!
//! The testbed has three: `ovn` (the default), `amphora` (with the drivers that do nothing, so that
//! nothing ever reports to be online) and `noop_driver` (which accepts everything and never says that
//! it is done).

use serde_json::Value;

use super::model::{Balancers, Kind, Operating, Outcome, Part, Provisioning};
use super::refusal::Refusal;

/// A provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Ovn,
    Amphora,
    Noop,
}

/// The provider of load balancers that name none.
pub(crate) const DEFAULT: &str = "ovn";

/// All providers and their descriptions.
pub(crate) const ALL: &[(&str, &str)] =
    &[("ovn", "OVN L4 provider"), ("amphora", "noop amphora"), ("noop_driver", "noop")];

/// What happens to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    /// And whether it is switched on or off by that.
    Update(Option<bool>),
    Delete,
}

impl Provider {
    pub(crate) fn named(name: &str) -> Result<Self, Refusal> {
        match name {
            "ovn" => Ok(Self::Ovn),
            "amphora" => Ok(Self::Amphora),
            "noop_driver" => Ok(Self::Noop),
            _ => Err(Refusal::bad(format!("Provider '{name}' is not enabled."))),
        }
    }

    /// The provider of a load balancer.
    pub(crate) fn of(state: &Balancers, balancer: &str) -> Self {
        let name = state.parts.get(balancer).and_then(|balancer| balancer.text("provider"));
        name.and_then(|name| Self::named(name).ok()).unwrap_or(Self::Ovn)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ovn => "ovn",
            Self::Amphora => "amphora",
            Self::Noop => "noop_driver",
        }
    }

    fn unsupported(self, problem: &str) -> Refusal {
        Refusal::unsupported(self.name(), problem)
    }

    /// Refuses what the provider cannot do with a part as it is to be.
    pub(crate) fn check(self, state: &Balancers, part: &Part) -> Result<(), Refusal> {
        match self {
            Self::Ovn => self.check_ovn(state, part),
            Self::Amphora => self.check_amphora(state, part),
            Self::Noop => Ok(()),
        }
    }

    fn check_ovn(self, state: &Balancers, part: &Part) -> Result<(), Refusal> {
        let says = |name: &str| part.text(name).unwrap_or_default();
        let protocol = || match says("protocol") {
            "TCP" | "UDP" | "SCTP" => Ok(()),
            other => {
                Err(self.unsupported(&format!("OVN provider does not support {other} protocol")))
            }
        };
        match part.kind {
            Kind::Listener => {
                protocol()?;
                match part.says.get("allowed_cidrs") {
                    Some(Value::Array(list)) if !list.is_empty() => {
                        Err(self.unsupported("OVN provider does not support allowed_cidrs option"))
                    }
                    _ => Ok(()),
                }
            }
            Kind::Pool => {
                protocol()?;
                match says("lb_algorithm") {
                    "SOURCE_IP_PORT" => Ok(()),
                    other => Err(self
                        .unsupported(&format!("OVN provider does not support {other} algorithm"))),
                }
            }
            Kind::Member => self.check_ovn_member(state, part),
            Kind::HealthMonitor => match says("type") {
                "TCP" | "UDP-CONNECT" => Ok(()),
                other => Err(self.unsupported(&format!(
                    "OVN provider does not support {other} health monitor type. Supported types: \
                     UDP-CONNECT, TCP"
                ))),
            },
            Kind::L7Policy | Kind::L7Rule => {
                let what = if part.kind == Kind::L7Policy { "l7policies" } else { "l7rules" };
                let text = format!("This provider does not support creating {what}.");
                Err(Refusal::action(self.name(), &text))
            }
            Kind::LoadBalancer => Ok(()),
        }
    }

    fn check_ovn_member(self, state: &Balancers, part: &Part) -> Result<(), Refusal> {
        let given = |name: &str| part.says.get(name).is_some_and(|value| !value.is_null());
        if given("monitor_address") || given("monitor_port") {
            return Err(self.unsupported(
                "OVN Load Balancer does not support different member monitor address or port.",
            ));
        }
        let vip = state.parts.get(&part.balancer).and_then(|it| it.text("vip_address"));
        let is_v6 = |address: Option<&str>| address.is_some_and(|it| it.contains(':'));
        if is_v6(vip) != is_v6(part.text("address")) {
            return Err(self.unsupported(
                "OVN provider does not support mixing IPv4/IPv6 configuration within the same \
                 Load Balancer.",
            ));
        }
        Ok(())
    }

    fn check_amphora(self, state: &Balancers, part: &Part) -> Result<(), Refusal> {
        match part.kind {
            Kind::Pool if part.text("lb_algorithm") == Some("SOURCE_IP_PORT") => {
                Err(self.unsupported("Amphora provider does not support SOURCE_IP_PORT algorithm."))
            }
            Kind::L7Policy => {
                let listener = state.parts.get(&part.parent);
                let protocol = listener.and_then(|it| it.text("protocol")).unwrap_or_default();
                if matches!(protocol, "HTTP" | "TERMINATED_HTTPS") {
                    return Ok(());
                }
                let text = format!("{protocol} protocol listeners do not support L7 policies");
                Err(self.unsupported(&text))
            }
            _ => Ok(()),
        }
    }

    /// How the work of a change ends: for the part, and for what was held back meanwhile.
    pub(crate) fn outcomes(self, state: &Balancers, part: &Part, change: Change) -> Vec<Outcome> {
        if self == Self::Noop {
            return Vec::new();
        }
        let mut outcomes = vec![match change {
            Change::Delete => {
                Outcome { part: part.id.clone(), provisioning: None, operating: None }
            }
            _ => active(&part.id, self.operating(state, part, change)),
        }];
        match part.kind {
            Kind::LoadBalancer | Kind::Listener => {}
            Kind::Pool => outcomes.extend(listeners(state, part, &part.id)),
            Kind::Member => {
                let operating = self.pool_with(state, part, change);
                outcomes.push(active(&part.parent, operating));
                outcomes.extend(listeners(state, part, &part.parent));
            }
            Kind::HealthMonitor => outcomes.extend(self.around_monitor(state, part, change)),
            Kind::L7Policy => outcomes.push(active(&part.parent, None)),
            Kind::L7Rule => {
                outcomes.push(active(&part.parent, None));
                let listener = state.parts.get(&part.parent).map(|policy| &policy.parent);
                outcomes.extend(listener.map(|listener| active(listener, None)));
            }
        }
        if part.kind != Kind::LoadBalancer {
            outcomes.push(active(&part.balancer, None));
        }
        outcomes
    }

    /// How a part works after a change; `None`: as before.
    fn operating(self, state: &Balancers, part: &Part, change: Change) -> Option<Operating> {
        let ovn = self == Self::Ovn;
        let created = change == Change::Create;
        let switched = match change {
            Change::Update(switched) => switched,
            _ => Some(part.enabled),
        };
        match part.kind {
            Kind::L7Policy | Kind::L7Rule => Some(Operating::switched(part.enabled)),
            Kind::HealthMonitor if created || ovn => Some(Operating::switched(part.enabled)),
            _ if !ovn => None,
            Kind::Pool if created => {
                let leads = !state.listeners_of_pool(&part.balancer, &part.id).is_empty();
                Some(Operating::switched(leads))
            }
            Kind::Member => match (switched, monitored(state, &part.parent)) {
                (Some(_), true) if created => Some(Operating::Online),
                (Some(true), false) if !created => Some(Operating::NoMonitor),
                (Some(false), _) => Some(Operating::Offline),
                _ => None,
            },
            _ => switched.map(Operating::switched),
        }
    }

    /// How a pool works once one of its members has changed.
    fn pool_with(self, state: &Balancers, member: &Part, change: Change) -> Option<Operating> {
        match (self, change) {
            (Self::Ovn, Change::Create) => Some(Operating::Online),
            (Self::Ovn, Change::Delete) => {
                let mut others = state.children(&member.parent, Kind::Member);
                Some(Operating::switched(others.any(|other| other.id != member.id)))
            }
            _ => None,
        }
    }

    /// What a monitor's change does to its pool, the members and the listeners.
    fn around_monitor(self, state: &Balancers, part: &Part, change: Change) -> Vec<Outcome> {
        if self != Self::Ovn {
            let mut outcomes = vec![active(&part.parent, None)];
            outcomes.extend(listeners(state, part, &part.parent));
            return outcomes;
        }
        // The listeners stay PENDING_UPDATE until something else about the pool changes: so does OVN's
        // provider leave them.
        let created = change == Change::Create;
        let mut outcomes = vec![active(&part.parent, created.then_some(Operating::Online))];
        if created {
            let members = state.children(&part.parent, Kind::Member);
            outcomes.extend(members.map(|member| active(&member.id, Some(Operating::Online))));
        }
        outcomes
    }

    /// How the work on a fully populated load balancer ends.
    pub(crate) fn outcomes_of_all(self, state: &Balancers, balancer: &Part) -> Vec<Outcome> {
        if self == Self::Noop {
            return Vec::new();
        }
        let operating = self.operating(state, balancer, Change::Create);
        let mut outcomes = vec![active(&balancer.id, operating)];
        let mut queue = state.below(&balancer.id);
        while let Some(id) = queue.pop() {
            queue.extend(state.below(&id));
            let Some(part) = state.parts.get(&id) else { continue };
            let operating = match part.kind {
                Kind::Pool if self == Self::Ovn => Some(Operating::switched(
                    state.children(&id, Kind::Member).next().is_some()
                        || !state.listeners_of_pool(&part.balancer, &id).is_empty(),
                )),
                Kind::Listener | Kind::Member if self == Self::Ovn => {
                    self.operating(state, part, Change::Create)
                }
                // Nobody says that these are online when they come with the load balancer.
                _ => None,
            };
            outcomes.push(active(&id, operating));
        }
        outcomes
    }

    /// What a flavor's profile may say, and what it means.
    pub(crate) const fn flavor_capabilities(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ovn => &[],
            Self::Amphora => &[
                (
                    "loadbalancer_topology",
                    "The load balancer topology. One of: SINGLE - One amphora per load balancer. \
                     ACTIVE_STANDBY - Two amphora per load balancer.",
                ),
                ("compute_flavor", "The compute driver flavor ID."),
                ("amp_image_tag", "The amphora image tag."),
            ],
            Self::Noop => {
                &[("amp_image_tag", "The glance image tag to use for this load balancer.")]
            }
        }
    }

    /// What a zone's profile may say, and what it means.
    pub(crate) const fn zone_capabilities(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ovn => &[],
            Self::Amphora => &[
                ("compute_zone", "The compute availability zone."),
                ("management_network", "The management network ID for the amphora."),
                (
                    "valid_vip_networks",
                    "List of network IDs that are allowed for VIP use. This overrides/replaces the \
                     list of allowed networks configured in `octavia.conf`.",
                ),
            ],
            Self::Noop => {
                &[("compute_zone", "The compute availability zone to use for this loadbalancer.")]
            }
        }
    }
}

fn active(part: &str, operating: Option<Operating>) -> Outcome {
    Outcome { part: part.to_owned(), provisioning: Some(Provisioning::Active), operating }
}

fn listeners(state: &Balancers, part: &Part, pool: &str) -> Vec<Outcome> {
    let ids = state.listeners_of_pool(&part.balancer, pool);
    ids.iter().map(|id| active(id, None)).collect()
}

/// Whether a pool has a monitor.
pub(crate) fn monitored(state: &Balancers, pool: &str) -> bool {
    state.children(pool, Kind::HealthMonitor).next().is_some()
}
