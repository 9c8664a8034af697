# Placement and Nova: one API, several simulated compute hosts, one real one (see libvirt.sh).

placement_config() {
  cat >"$ETC/placement/placement.conf" <<EOF
[DEFAULT]
use_stderr = true
[api]
auth_strategy = keystone
[placement_database]
connection = $(db_url placement)
$(token_section placement)
EOF
}
placement_schema() { placement-manage --config-file "$ETC/placement/placement.conf" db sync; }
placement_start() {
  wsgi placement 8778 /usr/bin/placement-api 8 OS_PLACEMENT_CONFIG_DIR="$ETC/placement"
}

nova_config() {
  cat >"$ETC/nova/nova.conf" <<EOF
[DEFAULT]
use_stderr = true
transport_url = $(rpc_url)
my_ip = $IP
state_path = $DATA/nova
osapi_compute_listen = $IP
metadata_listen = $IP
osapi_compute_workers = $WORKERS
metadata_workers = 1
enabled_apis = osapi_compute,metadata
instance_usage_audit = true
instance_usage_audit_period = hour
allow_resize_to_same_host = true
rootwrap_config = /etc/nova/rootwrap.conf
cpu_allocation_ratio = 16
ram_allocation_ratio = 2
[api]
auth_strategy = keystone
[wsgi]
api_paste_config = /etc/nova/api-paste.ini
[api_database]
connection = $(db_url nova_api)
[database]
connection = $(db_url nova)
[conductor]
workers = 1
[filter_scheduler]
enabled_filters = ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,AggregateInstanceExtraSpecsFilter
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 5
# true would refuse qcow2 images on the simulated hosts
query_placement_for_image_type_support = false
[glance]
api_servers = http://$IP:9292
$(credentials nova)
[neutron]
$(credentials nova)
service_metadata_proxy = true
metadata_proxy_shared_secret = $SECRET
[cinder]
$(credentials nova)
os_region_name = $REGION
[placement]
$(credentials nova)
[service_user]
send_service_user_token = true
$(credentials nova)
[vnc]
enabled = false
[notifications]
notify_on_state_change = vm_and_task_state
$(token_section nova)
$(common_sections)
EOF
  local i
  for i in $(seq 1 "$FAKES"); do
    mkdir -p "$DATA/nova/fake-$i"
    cat >"$ETC/nova/fake-$i.conf" <<EOF
[DEFAULT]
host = fake-$i
state_path = $DATA/nova/fake-$i
compute_driver = fake.FakeDriver
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
EOF
  done
  [ "$WITH_LIBVIRT" = 0 ] || nova_libvirt_config
}
NOVA() { nova-manage --config-file "$ETC/nova/nova.conf" "$@"; }
nova_schema() {
  NOVA api_db sync
  NOVA cell_v2 map_cell0 --database_connection "$(db_url nova_cell0)"
  NOVA db sync
  NOVA cell_v2 list_cells | grep -qw cell1 || NOVA cell_v2 create_cell --name cell1
}
nova_start() {
  run nova-conductor nova-conductor --config-file "$ETC/nova/nova.conf"
  run nova-scheduler nova-scheduler --config-file "$ETC/nova/nova.conf"
  run_on 8774 nova-api nova-api --config-file "$ETC/nova/nova.conf"
}
nova_computes() {
  local i
  for i in $(seq 1 "$FAKES"); do
    run "nova-fake-$i" nova-compute --config-file "$ETC/nova/nova.conf" --config-file "$ETC/nova/fake-$i.conf"
  done
  [ "$WITH_LIBVIRT" = 0 ] || nova_libvirt_start
}
