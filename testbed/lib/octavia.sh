# Octavia: provider `ovn` carries traffic, provider `amphora` is a control plane without machines.

octavia_config() {
  cat >"$ETC/octavia/octavia.conf" <<EOF
[DEFAULT]
use_stderr = true
transport_url = $(rpc_url)
[api_settings]
bind_host = $IP
bind_port = 9876
api_handler = queue_producer
auth_strategy = keystone
allow_tls_terminated_listeners = true
enabled_provider_drivers = ovn:OVN L4 provider,amphora:noop amphora,noop_driver:noop
default_provider_driver = ovn
[ovn]
ovn_nb_connection = tcp:$IP:6641
ovn_sb_connection = tcp:$IP:6642
[driver_agent]
enabled_provider_agents = ovn
# without this the agent takes a minute to stop
provider_agent_shutdown_timeout = 3
# these paths are compiled into the provider side
status_socket_path = /var/run/octavia/status.sock
stats_socket_path = /var/run/octavia/stats.sock
get_socket_path = /var/run/octavia/get.sock
[oslo_messaging]
topic = octavia_prov
[health_manager]
bind_ip = $IP
bind_port = 5555
heartbeat_key = $SECRET
controller_ip_port_list = $IP:5555
health_update_threads = 1
stats_update_threads = 1
[house_keeping]
cert_rotate_threads = 1
[controller_worker]
workers = 1
client_ca = $ETC/octavia/ca.pem
amphora_driver = amphora_noop_driver
compute_driver = compute_noop_driver
# the API resolves subnets and makes the ports of addresses with this one; the worker overrides it
network_driver = allowed_address_pairs_driver
volume_driver = volume_noop_driver
image_driver = image_noop_driver
amp_image_tag = amphora
amp_flavor_id = 1
amp_boot_network_list = 00000000-0000-0000-0000-000000000000
# Its log has locks of eventlet, which the threads of a parallel engine now and then cannot share: the
# one that waits is never woken, and a load balancer stays PENDING_CREATE.
[task_flow]
engine = serial
[certificates]
cert_generator = local_cert_generator
cert_manager = local_cert_manager
ca_certificate = $ETC/octavia/ca.pem
ca_private_key = $ETC/octavia/ca.key
ca_private_key_passphrase = $SECRET
server_certs_key_passphrase = insecure-key-do-not-use-this-key
[service_auth]
$(credentials octavia)
[neutron]
$(credentials octavia)
[nova]
$(credentials octavia)
[glance]
$(credentials octavia)
$(database_section octavia)
$(token_section octavia)
$(common_sections)
EOF
  printf '[controller_worker]\nnetwork_driver = network_noop_driver\n' >"$ETC/octavia/worker.conf"
  [ -e "$ETC/octavia/ca.pem" ] || openssl req -x509 -newkey rsa:2048 -days 3650 -subj /CN=testbed-octavia \
    -passout "pass:$SECRET" -keyout "$ETC/octavia/ca.key" -out "$ETC/octavia/ca.pem" 2>/dev/null
}
octavia_schema() { octavia-db-manage --config-file "$ETC/octavia/octavia.conf" upgrade head; }
octavia_start() {
  # The sockets of the agent must be there before the API starts, or the API retries for two minutes.
  mkdir -p /var/run/octavia
  run octavia-agent octavia-driver-agent --config-file "$ETC/octavia/octavia.conf"
  wait_file /var/run/octavia/status.sock octavia-agent 60
  run octavia-worker octavia-worker --config-file "$ETC/octavia/octavia.conf" \
    --config-file "$ETC/octavia/worker.conf"
  local WSGI_ARGS=(--pyargv "--config-file $ETC/octavia/octavia.conf")
  wsgi octavia-api 9876 /usr/bin/octavia-wsgi 4
}
