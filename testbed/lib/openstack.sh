# Pieces that the configuration and the start of every OpenStack service share.

rpc_url() { echo "rabbit://lotse:$SECRET@$IP:5672/"; }
db_url() { echo "mysql+pymysql://lotse:$SECRET@$IP/$1?charset=utf8"; }
database_section() { printf '[database]\nconnection = %s\nmax_pool_size = 10\nmax_overflow = 20\n' "$(db_url "$1")"; }

credentials() { # USER  how one service signs in to the others
  cat <<EOF
auth_url = http://$IP:5000
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = $1
password = $SECRET
region_name = $REGION
EOF
}
token_section() { # USER  how a service checks the tokens of its callers
  cat <<EOF
[keystone_authtoken]
www_authenticate_uri = http://$IP:5000
memcached_servers = $IP:11211
service_token_roles_required = true
service_token_roles = service
$(credentials "$1")
EOF
}
common_sections() {
  cat <<EOF
[oslo_concurrency]
lock_path = $DATA/locks
[oslo_messaging_notifications]
driver = $NOTIFY
EOF
}

# uwsgi's plain socket closes after each answer without saying so; clients that keep connections then
# meet resets. The added header says it.
wsgi() { # NAME PORT FILE THREADS ARGS… [-- ENV…]
  local n=$1 port=$2 file=$3 threads=$4; shift 4
  run_on "$port" "$n" env "$@" uwsgi_python3 --http-socket "$IP:$port" --plugins python3 --wsgi-file "$file" \
    --master --lazy-apps --processes "$WORKERS" --threads "$threads" --enable-threads --thunder-lock \
    --buffer-size 65535 --need-app --add-header "Connection: close" --die-on-term --no-orphans \
    --disable-logging --listen 100 --procname-prefix-spaced "$n" "${WSGI_ARGS[@]}"
}
WSGI_ARGS=()

# Brings several schemas up at the same time; each is a function NAME that runs once.
schemas() { # "FUNCTION FUNCTION …"
  local f pids=() names=() i rc=0
  for f in $1; do
    ( once "$f" "$f" >"$LOG/$f.log" 2>&1 ) & pids+=($!); names+=("$f")
  done
  for i in "${!pids[@]}"; do
    wait "${pids[$i]}" || { echo "${names[$i]} failed:"; tail -5 "$LOG/${names[$i]}.log"; rc=1; } >&2
  done
  [ $rc = 0 ] || die "a database schema could not be made, see $LOG"
  # Keystone answers before anything else is asked of it.
  [[ $1 != *keystone_first* ]] || { keystone_start; wait_port 5000 keystone; }
}

write_clouds() {
  local place="region_name: $REGION, identity_api_version: 3"
  local domains="user_domain_name: Default, project_domain_name: Default"
  cat >"$ETC/clouds.yaml" <<EOF
# Made by testbed.sh.
clouds:
  testbed-admin: {$place, auth: {auth_url: "http://$IP:5000/v3", username: admin, password: $SECRET, project_name: admin, $domains}}
  testbed-system: {$place, auth: {auth_url: "http://$IP:5000/v3", username: admin, password: $SECRET, user_domain_name: Default, system_scope: all}}
  testbed: {$place, auth: {auth_url: "http://$IP:5000/v3", username: demo, password: $SECRET, project_name: demo, $domains}}
  testbed-alt: {$place, auth: {auth_url: "http://$IP:5000/v3", username: alt, password: $SECRET, project_name: alt, $domains}}
EOF
}
