# Swift: one proxy and one server each for accounts, containers and objects, all on one folder that plays
# the disk. One replica; the background daemons (replication, auditing, expiry) are not started.

# The servers read the package's own /etc/swift/swift.conf (hash prefix, limits), wherever their own file is.

SWIFT_PORT=8888          # not 8080, which too much else uses
swift_config() {
  local kind port f
  mkdir -p "$DATA/swift/disk"
  cat >"$ETC/swift/proxy-server.conf" <<EOF
[DEFAULT]
bind_ip = $IP
bind_port = $SWIFT_PORT
workers = 0
user = root
swift_dir = $ETC/swift
log_name = swift-proxy
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl authtoken keystoneauth copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
delay_auth_decision = true
$(token_section swift | tail -n +2)
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
reseller_admin_role = ResellerAdmin
[filter:cache]
use = egg:swift#memcache
memcache_servers = $IP:11211
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
$(for f in catch_errors gatekeeper healthcheck listing_formats bulk tempurl copy slo dlo versioned_writes symlink; do
    printf '[filter:%s]\nuse = egg:swift#%s\n' $f $f; done)
EOF
  for kind in object:6200 container:6201 account:6202; do
    port=${kind#*:} kind=${kind%:*}
    cat >"$ETC/swift/$kind-server.conf" <<EOF
[DEFAULT]
bind_ip = $IP
bind_port = $port
workers = 0
user = root
swift_dir = $ETC/swift
devices = $DATA/swift
mount_check = false
log_name = swift-$kind
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
EOF
  done
}
# Objects keep their metadata in extended attributes; the rings name the one folder.
swift_schema() {
  local kind port builder
  /usr/bin/python3 -c 'import os, sys
open(sys.argv[1], "w").close()
os.setxattr(sys.argv[1], "user.swift.metadata", b"x" * 3000)
os.remove(sys.argv[1])' "$DATA/swift/disk/probe" \
    || die "$DATA is on a file system without extended attributes, which Swift needs"
  for kind in object:6200 container:6201 account:6202; do
    port=${kind#*:} builder=$ETC/swift/${kind%:*}.builder
    rm -f "$builder"
    swift-ring-builder "$builder" create 4 1 0
    swift-ring-builder "$builder" add "r1z1-$IP:$port/disk" 1
    swift-ring-builder "$builder" rebalance
  done
}
swift_start() {
  local kind
  # Without a terminal Swift writes to syslog only; -v makes it write to its log file here.
  for kind in object:6200 container:6201 account:6202 "proxy:$SWIFT_PORT"; do
    run_on "${kind#*:}" "swift-${kind%:*}" "swift-${kind%:*}-server" "$ETC/swift/${kind%:*}-server.conf" -v
  done
}
