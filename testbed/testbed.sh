#!/usr/bin/env bash
# A real, small OpenStack (Zed, from Debian 12 packages) on one machine, on loopback, without systemd.
#
#   testbed.sh up | down | status [-q] | env | purge | install | restart NAME… | logs NAME [LINES] | exec CMD…
#
# `up` installs what is missing and starts what does not run; a second `up` does nothing. `down` stops
# everything and keeps what is stored; `purge` forgets that too. `exec` runs a command in the network
# namespace that can reach floating IPs.
#
# Environment (defaults in brackets):
#   LOTSE_TESTBED_PROFILE  image: Keystone and Glance only; full: everything below  [full]
#   LOTSE_TESTBED_STATE    where files, databases and logs are kept  [/var/lib/lotse-testbed]
#   LOTSE_TESTBED_FAKES    number of simulated compute hosts  [3]
#   LOTSE_TESTBED_LIBVIRT  1: one real compute host (emulated guests)  [1]
#   LOTSE_TESTBED_OCTAVIA  1: load balancers  [1]
#   LOTSE_TESTBED_BARBICAN 1: secrets  [1]
#   LOTSE_TESTBED_SWIFT    1: objects  [1]
#   LOTSE_TESTBED_WORKERS  worker processes per API  [1]
#   LOTSE_TESTBED_NOTIFY   oslo notification driver  [noop]
# One testbed a machine: the ports are the upstream defaults, whatever the state directory.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROFILE=${LOTSE_TESTBED_PROFILE:-full}
STATE=${LOTSE_TESTBED_STATE:-/var/lib/lotse-testbed}
FAKES=${LOTSE_TESTBED_FAKES:-3}
WITH_LIBVIRT=${LOTSE_TESTBED_LIBVIRT:-1}
WITH_OCTAVIA=${LOTSE_TESTBED_OCTAVIA:-1}
WITH_BARBICAN=${LOTSE_TESTBED_BARBICAN:-1}
WITH_SWIFT=${LOTSE_TESTBED_SWIFT:-1}
WORKERS=${LOTSE_TESTBED_WORKERS:-1}
NOTIFY=${LOTSE_TESTBED_NOTIFY:-noop}

# Nothing here is secret: the whole cloud lives on loopback and holds no data but that of tests.
SECRET=testbed
REGION=RegionOne
IP=127.0.0.1
HOSTN=$(uname -n)
EXTNS=lotse-ext          # the namespace that plays the outside world
EXTIF=lotse-ext0         # its cable into the external bridge
EXT_CIDR=172.24.4.0/24
EXT_GW=172.24.4.1

ETC=$STATE/etc LOG=$STATE/log RUN=$STATE/run DATA=$STATE/data MARK=$STATE/mark KEEP=$STATE/keep
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset "${!OS_@}"         # the caller's own cloud must not leak into our clients

. "$HERE/lib/base.sh"
. "$HERE/lib/packages.sh"
. "$HERE/lib/infrastructure.sh"
. "$HERE/lib/ovn.sh"
. "$HERE/lib/openstack.sh"
. "$HERE/lib/keystone.sh"
. "$HERE/lib/glance.sh"
. "$HERE/lib/nova.sh"
. "$HERE/lib/libvirt.sh"
. "$HERE/lib/neutron.sh"
. "$HERE/lib/cinder.sh"
. "$HERE/lib/octavia.sh"
. "$HERE/lib/barbican.sh"
. "$HERE/lib/swift.sh"

case $PROFILE in
  image) SERVICES="keystone glance"; FAKES=0 WITH_LIBVIRT=0 WITH_OCTAVIA=0 WITH_BARBICAN=0 WITH_SWIFT=0 ;;
  full) SERVICES="keystone glance placement neutron nova cinder"
        if [ "$WITH_OCTAVIA" = 1 ]; then SERVICES+=" octavia"; fi
        if [ "$WITH_BARBICAN" = 1 ]; then SERVICES+=" barbican"; fi
        if [ "$WITH_SWIFT" = 1 ]; then SERVICES+=" swift"; fi ;;
  *) die "LOTSE_TESTBED_PROFILE is '$PROFILE'; it can be image or full" ;;
esac
has() { [[ " $SERVICES " == *" $1 "* ]]; }

cmd_install() {
  local want="$PACKAGES_IMAGE"
  [ "$PROFILE" = full ] && want+=" $PACKAGES_FULL"
  [ "$WITH_LIBVIRT" = 1 ] && want+=" $PACKAGES_LIBVIRT"
  [ "$WITH_OCTAVIA" = 1 ] && want+=" $PACKAGES_OCTAVIA"
  [ "$WITH_BARBICAN" = 1 ] && want+=" $PACKAGES_BARBICAN"
  [ "$WITH_SWIFT" = 1 ] && want+=" $PACKAGES_SWIFT"
  # shellcheck disable=SC2086  # a list of words
  apt_install $want
}

cmd_up() {
  [ "$(id -u)" = 0 ] || die "needs root"
  mkdir -p "$STATE" "$ETC" "$LOG" "$RUN" "$DATA/locks" "$MARK" "$KEEP"
  chmod 755 "$STATE" "$RUN" "$LOG" "$DATA"
  exec 9>"$STATE/lock"; flock -n 9 || die "another testbed.sh is at work in $STATE"
  cmd_install
  say "configuration"
  write_clouds
  local s; for s in $SERVICES; do mkdir -p "$ETC/$s" "$DATA/$s"; "${s}_config"; done
  say "infrastructure"
  start_memcached
  if has nova; then start_rabbit; fi
  start_mariadb
  if has neutron; then start_ovn; start_outside; fi
  if [ "$WITH_LIBVIRT" = 1 ]; then start_libvirt; fi
  say "database schemas and identity"
  schemas "keystone_first glance_schema"
  once "identity-${SERVICES// /-}" seed identity "$SECRET" "$REGION" "$IP" "$SERVICES"
  if [ "$PROFILE" = full ]; then full_services; else glance_start; wait_port 9292 glance; fi
  check_alive
  say "up, profile $PROFILE; environment: eval \"\$($HERE/testbed.sh env)\""
}

# Everything above Keystone and Glance.
full_services() {
  wait_port 5672 rabbit 90
  local list="placement_schema nova_schema neutron_schema cinder_schema"
  has octavia && list+=" octavia_schema"
  has barbican && list+=" barbican_schema"
  has swift && list+=" swift_schema"
  schemas "$list"
  say "services"
  placement_start; glance_start; neutron_start; nova_start
  wait_port 8778 placement; wait_port 9292 glance; wait_port 9696 neutron 90
  cinder_start; nova_computes
  has octavia && octavia_start
  has barbican && barbican_start
  has swift && swift_start
  wait_port 8774 nova-api; wait_port 8776 cinder-api
  has octavia && wait_port 9876 octavia-api
  has barbican && wait_port 9311 barbican
  has swift && wait_port $SWIFT_PORT swift-proxy
  say "compute hosts"
  seed computes $((FAKES + WITH_LIBVIRT))
  if [ "$WITH_LIBVIRT" = 1 ] && [ ! -e "$STATE/images/tiny.img" ]; then
    say "guest image"
    bash "$HERE/tiny-image.sh" "$STATE/images/tiny.img" >"$LOG/tiny-image.log" 2>&1 \
      || say "the bootable guest image could not be built (see $LOG/tiny-image.log); all else works"
  fi
  say "flavors, network, images"
  once cloud seed cloud "$EXT_CIDR" "$EXT_GW" "$STATE/images"
  once volume-types seed volume_types
}

cmd_down() {
  local n pids=() last="mariadb rabbit epmd memcached ovsdb ovn-nb ovn-sb"
  stop_guests
  for n in $(recorded); do
    [[ " $last " == *" $n "* ]] && continue
    stop "$n" & pids+=($!)
  done
  [ ${#pids[@]} = 0 ] || wait "${pids[@]}" || true
  for n in ovn-sb ovn-nb ovsdb memcached; do stop "$n"; done
  stop rabbit 15; stop epmd; stop mariadb 30
  clear_outside
  clear_mounts
  restore_system_files
  echo "down; what is stored stays in $STATE ('purge' removes it)"
}

cmd_purge() {
  cmd_down
  rm -f /etc/libvirt/qemu/instance-*.xml
  rm -rf --one-file-system "${STATE:?}"
  echo "purged $STATE"
}

cmd_env() {
  local member=testbed
  cat <<EOF
export OS_CLIENT_CONFIG_FILE=$ETC/clouds.yaml
export OS_CLOUD=testbed-admin
export LOTSE_TESTBED_CLOUDS=$ETC/clouds.yaml
export LOTSE_TESTBED_CLOUD=testbed-admin
export LOTSE_TESTBED_MEMBER=$member
export LOTSE_TESTBED_SYSTEM=testbed-system
export LOTSE_TESTBED_PROFILE=$PROFILE
export LOTSE_TESTBED_EXTNS=$EXTNS
EOF
}

case "${1:-}" in
  up) cmd_up ;;
  down) cmd_down ;;
  purge) cmd_purge ;;
  status) shift; cmd_status "$@" ;;
  env) cmd_env ;;
  install) mkdir -p "$LOG"; cmd_install ;;
  restart) shift; for n in "$@"; do stop "$n"; done; cmd_up ;;
  exec) shift
        export OS_CLIENT_CONFIG_FILE=$ETC/clouds.yaml OS_CLOUD=${LOTSE_TESTBED_CLOUD:-testbed-admin}
        exec ip netns exec $EXTNS "$@" ;;
  logs) exec tail -n "${3:-50}" "$LOG/${2:?name of a process}.log" ;;
  *) die "usage: testbed.sh up|down|status [-q]|env|purge|install|restart NAME…|logs NAME|exec CMD…" ;;
esac
