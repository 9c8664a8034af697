//! Floating IPs: addresses of an external network that lead to ports.

use lotse_core::time::Timestamp;

use super::model::{FloatingIp, Network};

impl Network {
    /// The floating IPs that lead to a port.
    pub(crate) fn floating_ips_of<'a>(
        &'a self,
        port: &'a str,
    ) -> impl Iterator<Item = &'a FloatingIp> {
        self.floating_ips.values().filter(move |it| it.port_id.as_deref() == Some(port))
    }

    /// A port is gone: nothing leads to it any more.
    pub(crate) fn disassociate(&mut self, port: &str, now: Timestamp) {
        for floating in self.floating_ips.values_mut() {
            if floating.port_id.as_deref() == Some(port) {
                floating.port_id = None;
                floating.fixed_ip_address = None;
                floating.router_id = None;
                floating.active = false;
                floating.standard.touch(now);
            }
            floating.port_forwardings.retain(|it| it.internal_port_id != port);
        }
    }
}
