# Neutron on OVN.

neutron_config() {
  cat >"$ETC/neutron/neutron.conf" <<EOF
[DEFAULT]
use_stderr = true
bind_host = $IP
bind_port = 9696
transport_url = $(rpc_url)
core_plugin = ml2
service_plugins = ovn-router,segments,qos,trunk,port_forwarding
api_workers = $WORKERS
rpc_workers = 1
rpc_state_report_workers = 0
state_path = $DATA/neutron
api_paste_config = /etc/neutron/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
agent_down_time = 300
global_physnet_mtu = 1500
dns_domain = testbed.internal.
[agent]
root_helper = sudo neutron-rootwrap /etc/neutron/rootwrap.conf
[nova]
$(credentials nova)
[placement]
$(credentials nova)
$(database_section neutron)
$(token_section neutron)
$(common_sections)
EOF
  cat >"$ETC/neutron/ml2.ini" <<EOF
[ml2]
type_drivers = local,flat,vlan,geneve
tenant_network_types = geneve
mechanism_drivers = ovn
extension_drivers = port_security,qos,dns
overlay_ip_version = 4
[ml2_type_geneve]
vni_ranges = 1:65536
max_header_size = 38
[ml2_type_flat]
flat_networks = *
[ml2_type_vlan]
network_vlan_ranges = physnet1:100:200
[securitygroup]
enable_security_group = true
[ovn]
ovn_nb_connection = tcp:$IP:6641
ovn_sb_connection = tcp:$IP:6642
ovn_l3_scheduler = leastloaded
ovn_metadata_enabled = true
enable_distributed_floating_ip = false
[ovs]
ovsdb_connection = tcp:$IP:6640
EOF
  cat >"$ETC/neutron/metadata.ini" <<EOF
[DEFAULT]
use_stderr = true
state_path = $DATA/neutron
nova_metadata_host = $IP
nova_metadata_port = 8775
metadata_proxy_shared_secret = $SECRET
metadata_workers = 1
[agent]
root_helper = sudo neutron-rootwrap /etc/neutron/rootwrap.conf
[ovs]
ovsdb_connection = tcp:$IP:6640
[ovn]
ovn_sb_connection = tcp:$IP:6642
[oslo_concurrency]
lock_path = $DATA/locks
EOF
}
NEUTRON_FILES=(--config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/ml2.ini")
neutron_schema() { neutron-db-manage "${NEUTRON_FILES[@]}" upgrade heads; }
neutron_start() { run_on 9696 neutron neutron-server "${NEUTRON_FILES[@]}"; }
