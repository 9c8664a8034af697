//! What bodies may say, kind by kind, and what answers show.
//!
//! The order of a table is the order in which Octavia looks at a body and writes an answer.

use super::model::Kind;

/// A field of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// `P` may be posted, `M` must be, `U` may be updated, `N` may not be part of a fully populated
    /// load balancer, `O` may be only there.
    pub(crate) flags: &'static str,
    pub(crate) check: Check,
    pub(crate) default: Otherwise,
}

/// What a field is when the body does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Otherwise {
    Null,
    True,
    False,
    Number(i64),
    Text(&'static str),
    EmptyMap,
}

/// What values a field may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// No longer than this.
    Text(usize),
    /// No longer than 255, of this form; and how Octavia writes the form.
    Form(&'static str),
    Bool,
    Int(i64, i64),
    /// Any number.
    Number,
    Uuid,
    Ip,
    Words(&'static [&'static str]),
    Numbers(&'static [i64]),
    /// `1.0` or `1.1`.
    HttpVersion,
    /// Each no longer than this.
    Texts(usize),
    Cidrs,
    Alpn,
    Headers,
    Url,
    UrlPath,
    Persistence,
    Vips,
    /// A part within a fully populated load balancer.
    Part(Kind),
    /// Several of them.
    Parts(Kind),
}

use Check::{
    Alpn, Bool, Cidrs, Form, Headers, HttpVersion, Int, Ip, Numbers, Persistence, Text, Texts, Url,
    UrlPath, Uuid, Vips, Words,
};
use Otherwise::{EmptyMap, False, Null, Number, True};

const fn field(name: &'static str, flags: &'static str, check: Check, default: Otherwise) -> Field {
    Field { name, flags, check, default }
}

const NAME: Field = field("name", "PU", Text(255), Null);
const DESCRIPTION: Field = field("description", "PU", Text(255), Null);
const ADMIN_STATE_UP: Field = field("admin_state_up", "PU", Bool, True);
const PROJECT: Field = field("project_id", "PN", Text(36), Null);
const TENANT: Field = field("tenant_id", "PN", Text(36), Null);
const TAGS: Field = field("tags", "PU", Texts(255), Null);
const PORT: Check = Int(1, 65_535);
const TIMEOUT: Check = Int(0, 2_073_600_000);
/// No upper bound.
const ANY: i64 = i64::MAX;

pub(crate) const LISTENER_PROTOCOLS: &[&str] =
    &["TCP", "HTTPS", "HTTP", "TERMINATED_HTTPS", "UDP", "SCTP", "PROMETHEUS"];
pub(crate) const POOL_PROTOCOLS: &[&str] =
    &["TCP", "HTTP", "HTTPS", "PROXY", "PROXYV2", "UDP", "SCTP"];
const ALGORITHMS: &[&str] = &["LEAST_CONNECTIONS", "ROUND_ROBIN", "SOURCE_IP", "SOURCE_IP_PORT"];
const MONITORS: &[&str] = &["HTTP", "HTTPS", "PING", "TCP", "TLS-HELLO", "UDP-CONNECT", "SCTP"];
const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "CONNECT"];
const ACTIONS: &[&str] = &["REJECT", "REDIRECT_TO_URL", "REDIRECT_TO_POOL", "REDIRECT_PREFIX"];
const COMPARISONS: &[&str] = &["REGEX", "STARTS_WITH", "ENDS_WITH", "CONTAINS", "EQUAL_TO"];
const RULES: &[&str] = &[
    "HOST_NAME",
    "PATH",
    "FILE_TYPE",
    "HEADER",
    "COOKIE",
    "SSL_CONN_HAS_CERT",
    "SSL_VERIFY_RESULT",
    "SSL_DN_FIELD",
];
const CLIENT_AUTHENTICATION: &[&str] = &["NONE", "OPTIONAL", "MANDATORY"];
const REDIRECTS: &[i64] = &[301, 302, 303, 307, 308];

const LOAD_BALANCER: &[Field] = &[
    NAME,
    DESCRIPTION,
    ADMIN_STATE_UP,
    field("vip_address", "P", Ip, Null),
    field("vip_port_id", "P", Uuid, Null),
    field("vip_subnet_id", "P", Uuid, Null),
    field("vip_network_id", "P", Uuid, Null),
    field("vip_qos_policy_id", "PU", Uuid, Null),
    field("additional_vips", "P", Vips, Null),
    PROJECT,
    TENANT,
    field("listeners", "P", Check::Parts(Kind::Listener), Null),
    field("pools", "P", Check::Parts(Kind::Pool), Null),
    field("provider", "P", Text(64), Null),
    TAGS,
    field("flavor_id", "P", Uuid, Null),
    field("availability_zone", "P", Text(255), Null),
];

const LISTENER: &[Field] = &[
    NAME,
    DESCRIPTION,
    ADMIN_STATE_UP,
    field("protocol", "M", Words(LISTENER_PROTOCOLS), Null),
    field("protocol_port", "M", PORT, Null),
    field("connection_limit", "PU", Int(-1, ANY), Number(-1)),
    field("default_tls_container_ref", "PU", Text(255), Null),
    field("sni_container_refs", "PU", Texts(255), Null),
    PROJECT,
    TENANT,
    field("default_pool_id", "PUN", Uuid, Null),
    field("default_pool", "O", Check::Part(Kind::Pool), Null),
    field("l7policies", "O", Check::Parts(Kind::L7Policy), Null),
    field("insert_headers", "PU", Headers, EmptyMap),
    field("loadbalancer_id", "MN", Uuid, Null),
    field("timeout_client_data", "PU", TIMEOUT, Number(50_000)),
    field("timeout_member_connect", "PU", TIMEOUT, Number(5_000)),
    field("timeout_member_data", "PU", TIMEOUT, Number(50_000)),
    field("timeout_tcp_inspect", "PU", TIMEOUT, Number(0)),
    TAGS,
    field("client_ca_tls_container_ref", "PU", Text(255), Null),
    field("client_authentication", "PU", Words(CLIENT_AUTHENTICATION), Otherwise::Text("NONE")),
    field("client_crl_container_ref", "PU", Text(255), Null),
    field("allowed_cidrs", "PU", Cidrs, Null),
    field("tls_ciphers", "PU", Text(2048), Null),
    field("tls_versions", "PU", Texts(32), Null),
    field("alpn_protocols", "PU", Alpn, Null),
];

const POOL: &[Field] = &[
    NAME,
    DESCRIPTION,
    ADMIN_STATE_UP,
    field("listener_id", "PN", Uuid, Null),
    field("loadbalancer_id", "PN", Uuid, Null),
    field("protocol", "M", Words(POOL_PROTOCOLS), Null),
    field("lb_algorithm", "MU", Words(ALGORITHMS), Null),
    field("session_persistence", "PU", Persistence, Null),
    PROJECT,
    TENANT,
    field("healthmonitor", "O", Check::Part(Kind::HealthMonitor), Null),
    field("members", "O", Check::Parts(Kind::Member), Null),
    TAGS,
    field("tls_container_ref", "PU", Text(255), Null),
    field("ca_tls_container_ref", "PU", Text(255), Null),
    field("crl_container_ref", "PU", Text(255), Null),
    field("tls_enabled", "PU", Bool, False),
    field("tls_ciphers", "PU", Text(2048), Null),
    field("tls_versions", "PU", Texts(32), Null),
    field("alpn_protocols", "PU", Alpn, Null),
];

const MEMBER: &[Field] = &[
    NAME,
    ADMIN_STATE_UP,
    field("address", "M", Ip, Null),
    field("protocol_port", "M", PORT, Null),
    field("weight", "PU", Int(0, 256), Number(1)),
    field("backup", "PU", Bool, False),
    field("subnet_id", "P", Uuid, Null),
    PROJECT,
    TENANT,
    field("monitor_port", "PU", PORT, Null),
    field("monitor_address", "PU", Ip, Null),
    TAGS,
];

/// What codes a monitor expects: one, several, or a range.
const CODES: &str = r"^(\d{3}(\s*,\s*\d{3})*)$|^(\d{3}-\d{3})$";
/// Names of domains, in a form that the regular expressions here know (no look-around).
const DOMAIN: &str = r"^([A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.?)+$";

const HEALTH_MONITOR: &[Field] = &[
    NAME,
    field("type", "M", Words(MONITORS), Null),
    field("delay", "MU", Int(0, ANY), Null),
    field("timeout", "MU", Int(0, ANY), Null),
    field("max_retries_down", "PU", Int(1, 10), Number(3)),
    field("max_retries", "MU", Int(1, 10), Null),
    field("http_method", "PU", Words(METHODS), Null),
    field("url_path", "PU", UrlPath, Null),
    field("expected_codes", "PU", Form(CODES), Null),
    ADMIN_STATE_UP,
    PROJECT,
    TENANT,
    field("pool_id", "MN", Uuid, Null),
    TAGS,
    field("http_version", "PU", HttpVersion, Null),
    field("domain_name", "PU", Form(DOMAIN), Null),
];

const L7_POLICY: &[Field] = &[
    NAME,
    DESCRIPTION,
    ADMIN_STATE_UP,
    PROJECT,
    TENANT,
    field("action", "MU", Words(ACTIONS), Null),
    field("redirect_pool_id", "PUN", Uuid, Null),
    field("redirect_pool", "O", Check::Part(Kind::Pool), Null),
    field("redirect_url", "PU", Url, Null),
    field("redirect_prefix", "PU", Url, Null),
    field("position", "PU", Int(1, 2_147_483_647), Number(2_147_483_647)),
    field("listener_id", "MN", Uuid, Null),
    field("rules", "P", Check::Parts(Kind::L7Rule), Null),
    TAGS,
    field("redirect_http_code", "PU", Numbers(REDIRECTS), Null),
];

/// One line of text.
const LINE: &str = r"^[^\r\n]*$";

const L7_RULE: &[Field] = &[
    field("type", "MU", Words(RULES), Null),
    field("compare_type", "MU", Words(COMPARISONS), Null),
    field("key", "PU", Form(LINE), Null),
    field("value", "MU", Form(LINE), Null),
    field("invert", "PU", Bool, False),
    ADMIN_STATE_UP,
    PROJECT,
    TENANT,
    TAGS,
];

/// How answers order what they show of a part, whole or as part of a fully populated one.
const STATES: [&str; 2] = ["provisioning_status", "operating_status"];

impl Kind {
    /// What bodies may say.
    pub(crate) const fn fields(self) -> &'static [Field] {
        match self {
            Self::LoadBalancer => LOAD_BALANCER,
            Self::Listener => LISTENER,
            Self::Pool => POOL,
            Self::Member => MEMBER,
            Self::HealthMonitor => HEALTH_MONITOR,
            Self::L7Policy => L7_POLICY,
            Self::L7Rule => L7_RULE,
        }
    }

    /// Its name in messages.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load Balancer",
            Self::Listener => "Listener",
            Self::Pool => "Pool",
            Self::Member => "Member",
            Self::HealthMonitor => "Health Monitor",
            Self::L7Policy => "L7 Policy",
            Self::L7Rule => "L7 Rule",
        }
    }

    /// Its name in bodies.
    pub(crate) const fn one(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "healthmonitor",
            Self::L7Policy => "l7policy",
            Self::L7Rule => "rule",
        }
    }

    /// The name of several in bodies, and the segment of the path.
    pub(crate) const fn many(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancers",
            Self::Listener => "listeners",
            Self::Pool => "pools",
            Self::Member => "members",
            Self::HealthMonitor => "healthmonitors",
            Self::L7Policy => "l7policies",
            Self::L7Rule => "rules",
        }
    }

    /// The name of its quota.
    pub(crate) const fn quota(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load_balancer",
            Self::HealthMonitor => "health_monitor",
            Self::L7Rule => "l7rule",
            other => other.one(),
        }
    }

    /// The name of the argument that messages about a body begin with.
    pub(crate) const fn argument(self, create: bool) -> &'static str {
        match self {
            Self::LoadBalancer => "load_balancer",
            Self::Listener => "listener_",
            Self::Pool => "pool_",
            Self::Member => "member_",
            Self::HealthMonitor => "health_monitor_",
            Self::L7Policy => "l7policy_",
            Self::L7Rule if create => "rule_",
            Self::L7Rule => "l7rule_",
        }
    }

    /// What answers show, in this order, beside [`STATES`] and what lies around it.
    pub(crate) const fn shows(self) -> &'static [&'static str] {
        match self {
            Self::LoadBalancer => &[
                "name",
                "description",
                "vip_address",
                "vip_port_id",
                "vip_subnet_id",
                "vip_network_id",
                "provider",
                "flavor_id",
                "vip_qos_policy_id",
                "availability_zone",
            ],
            Self::Listener => &[
                "name",
                "description",
                "protocol",
                "protocol_port",
                "connection_limit",
                "default_tls_container_ref",
                "default_pool_id",
                "insert_headers",
                "timeout_client_data",
                "timeout_member_connect",
                "timeout_member_data",
                "timeout_tcp_inspect",
                "client_ca_tls_container_ref",
                "client_authentication",
                "client_crl_container_ref",
                "allowed_cidrs",
                "tls_ciphers",
                "tls_versions",
                "alpn_protocols",
            ],
            Self::Pool => &[
                "name",
                "description",
                "protocol",
                "lb_algorithm",
                "session_persistence",
                "tls_container_ref",
                "ca_tls_container_ref",
                "crl_container_ref",
                "tls_enabled",
                "tls_ciphers",
                "tls_versions",
                "alpn_protocols",
            ],
            Self::Member => &[
                "name",
                "address",
                "protocol_port",
                "weight",
                "backup",
                "subnet_id",
                "monitor_address",
                "monitor_port",
            ],
            Self::HealthMonitor => &[
                "name",
                "type",
                "delay",
                "timeout",
                "max_retries",
                "max_retries_down",
                "http_method",
                "url_path",
                "expected_codes",
                "http_version",
                "domain_name",
            ],
            Self::L7Policy => &[
                "name",
                "description",
                "action",
                "redirect_pool_id",
                "redirect_url",
                "redirect_prefix",
                "position",
                "redirect_http_code",
            ],
            Self::L7Rule => &["type", "compare_type", "key", "value", "invert"],
        }
    }

    /// Whether lists can be filtered and sorted by a field.
    pub(crate) fn is_column(self, name: &str) -> bool {
        let common = ["id", "project_id", "tenant_id", "admin_state_up", "enabled", "created_at"];
        let parent = match self {
            Self::Listener | Self::Pool => &["loadbalancer_id", "load_balancer_id"][..],
            Self::Member | Self::HealthMonitor => &["pool_id"],
            Self::L7Policy => &["listener_id"],
            Self::L7Rule => &["l7policy_id"],
            Self::LoadBalancer => &[],
        };
        common.contains(&name)
            || name == "updated_at"
            || STATES.contains(&name)
            || parent.contains(&name)
            || self.shows().contains(&name)
    }
}
