//! What drafts of standards add.

mod encryption;
mod images;
mod managers;
mod marks;
mod networks;
mod tempest;

#[cfg(test)]
mod tests;

use super::Case;
use crate::draft::Draft;
use crate::model::Judgement;

/// Judges a testcase of a draft.
pub(super) fn judge(draft: Draft, case: &Case<'_>) -> Judgement {
    match draft {
        Draft::Mark(flavor) => marks::standard(case, flavor),
        Draft::OtherMarks => marks::others(case),
        Draft::VendorSource(vendor) => images::vendor(case, vendor),
        Draft::Lts(before) => images::lts(case, before),
        Draft::DebianStable => images::debian_stable(case),
        Draft::NodeImages => images::nodes(case),
        Draft::StandardNetwork => networks::standard(case),
        Draft::PortSecurity => networks::port_security(case),
        Draft::Ipv6Pool => networks::ipv6_pool(case),
        Draft::Ipv4Pool => networks::ipv4_pool(case),
        Draft::DnsIntegration => networks::dns_integration(case),
        Draft::Encryption(rule) => encryption::judge(case, rule),
        Draft::Manager(sphere) => managers::judge(case, sphere),
        Draft::Tempest(component) => tempest::judge(case, component),
        Draft::DnsDomainPorts => networks::dns_domain_ports(case),
    }
}
