# What all services stand on: memcached, MariaDB, RabbitMQ, and the outside world of the network.

start_memcached() { run_on 11211 memcached memcached -u nobody -l $IP -p 11211 -m 64 -c 2048; }

# Durability is switched off: a test cloud may lose its last second, and schemas load twice as fast.
start_mariadb() {
  local d=$DATA/mysql
  SQLSOCK=$d/mysql.sock
  if [ ! -d "$d/mysql" ]; then
    mkdir -p "$d"; chown mysql:mysql "$d"
    mariadb-install-db --no-defaults --user=mysql --datadir="$d" --skip-test-db \
      --auth-root-authentication-method=socket >"$LOG/mariadb-install.log" 2>&1
  fi
  alive mariadb || rm -f "$SQLSOCK"
  run_on 3306 mariadb mariadbd --no-defaults --user=mysql --datadir="$d" --socket="$SQLSOCK" --pid-file="$d/pid" \
    --bind-address=$IP --port=3306 --skip-name-resolve --max-connections=1000 \
    --character-set-server=utf8 --collation-server=utf8_general_ci \
    --innodb-buffer-pool-size=512M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 \
    --innodb-flush-method=nosync --innodb-log-file-size=128M --skip-log-bin --performance-schema=OFF
  # The port opens briefly before an abort; the socket is the better sign.
  wait_file "$SQLSOCK" mariadb
  wait_port 3306 mariadb
  once sql-users create_databases
}
create_databases() {
  local d q="CREATE USER IF NOT EXISTS 'lotse'@'$IP' IDENTIFIED BY '$SECRET'; CREATE USER IF NOT EXISTS 'lotse'@'localhost' IDENTIFIED BY '$SECRET';"
  for d in keystone glance placement nova nova_api nova_cell0 neutron cinder octavia; do
    q+=" CREATE DATABASE IF NOT EXISTS $d CHARACTER SET utf8;"
    q+=" GRANT ALL ON $d.* TO 'lotse'@'$IP'; GRANT ALL ON $d.* TO 'lotse'@'localhost';"
  done
  mariadb --no-defaults -S "$SQLSOCK" -u root -e "$q"
}

create_database() { # NAME  of a service that came later than the others
  mariadb --no-defaults -S "$DATA/mysql/mysql.sock" -u root -e "CREATE DATABASE IF NOT EXISTS $1 CHARACTER SET utf8;
    GRANT ALL ON $1.* TO 'lotse'@'$IP'; GRANT ALL ON $1.* TO 'lotse'@'localhost';"
}

# Without the distribution settings below RabbitMQ listens on all addresses; `+sbwt none` keeps it idle.
start_rabbit() {
  local d=$DATA/rabbit
  mkdir -p "$d/mnesia" "$d/log"
  cat >"$d/rabbitmq.conf" <<EOF
listeners.tcp.1 = $IP:5672
default_user = lotse
default_pass = $SECRET
default_permissions.configure = .*
default_permissions.read = .*
default_permissions.write = .*
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
log.file.level = warning
EOF
  echo '[].' >"$d/enabled_plugins"
  chown -R rabbitmq:rabbitmq "$d"
  # RabbitMQ would start this daemon by itself and leave it behind.
  port_open 4369 || run epmd setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups epmd -address $IP
  run_on 5672 rabbit setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups env HOME="$d" \
    RABBITMQ_NODENAME=lotse@localhost RABBITMQ_CONFIG_FILE="$d/rabbitmq.conf" RABBITMQ_MNESIA_BASE="$d/mnesia" \
    RABBITMQ_LOG_BASE="$d/log" RABBITMQ_ENABLED_PLUGINS_FILE="$d/enabled_plugins" RABBITMQ_PID_FILE="$d/pid" \
    RABBITMQ_CONF_ENV_FILE=/dev/null ERL_EPMD_ADDRESS=$IP RABBITMQ_DIST_PORT=25672 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
}

# The outside world is a namespace with the gateway address of the external network. Floating IPs exist
# only there. A proxy repeats every API on the namespace's own loopback, so that `testbed.sh exec`
# reaches the APIs and the floating IPs with the same catalog.
start_outside() {
  if ! ip netns list | grep -qw $EXTNS; then
    ip netns add $EXTNS
    ip link del $EXTIF 2>/dev/null || true
    ip link add $EXTIF type veth peer name eth0 netns $EXTNS
    ip link set $EXTIF up
    ip -n $EXTNS link set lo up; ip -n $EXTNS link set eth0 up
    ip -n $EXTNS addr add "$EXT_GW/${EXT_CIDR#*/}" dev eth0
    # The userspace datapath needs real checksums.
    ip netns exec $EXTNS ethtool -K eth0 tx off >/dev/null
  fi
  ovs-vsctl --timeout=20 --may-exist add-port br-ex $EXTIF
  { printf 'global\n  maxconn 512\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 10m\n  timeout server 10m\n'
    local p
    for p in 5000 8774 8776 8778 9292 9696 9876 9311 "$SWIFT_PORT"; do
      printf 'listen p%s\n  bind %s:%s namespace %s\n  server s %s:%s\n' "$p" $IP "$p" $EXTNS $IP "$p"
    done; } >"$ETC/outside.cfg"
  run outside haproxy -db -f "$ETC/outside.cfg"
}
clear_outside() {
  ip link del $EXTIF 2>/dev/null || true
  ip netns del $EXTNS 2>/dev/null || true
}
