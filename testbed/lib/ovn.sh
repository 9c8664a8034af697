# OVN and Open vSwitch with the userspace datapath: the kernel here has no openvswitch module.

start_ovn() {
  local d=$DATA/ovn
  mkdir -p "$d" /var/run/openvswitch /var/run/ovn /var/log/openvswitch /var/log/ovn
  [ -e "$d/conf.db" ] || ovsdb-tool create "$d/conf.db" /usr/share/openvswitch/vswitch.ovsschema
  [ -e "$d/nb.db" ]   || ovsdb-tool create "$d/nb.db" /usr/share/ovn/ovn-nb.ovsschema
  [ -e "$d/sb.db" ]   || ovsdb-tool create "$d/sb.db" /usr/share/ovn/ovn-sb.ovsschema
  database ovsdb 6640 "$d/conf.db" /var/run/openvswitch db.sock ovsdb-server \
    --remote=db:Open_vSwitch,Open_vSwitch,manager_options
  database ovn-nb 6641 "$d/nb.db" /var/run/ovn ovnnb_db.sock ovnnb_db
  database ovn-sb 6642 "$d/sb.db" /var/run/ovn ovnsb_db.sock ovnsb_db
  wait_port 6640 ovsdb; wait_port 6641 ovn-nb; wait_port 6642 ovn-sb
  ovs-vsctl --no-wait -- init -- set Open_vSwitch . \
    external_ids:system-id="$HOSTN" external_ids:hostname="$HOSTN" \
    external_ids:ovn-remote=tcp:$IP:6642 external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip=$IP \
    external_ids:ovn-bridge-mappings=physnet1:br-ex external_ids:ovn-cms-options=enable-chassis-as-gw \
    external_ids:ovn-bridge-datapath-type=netdev external_ids:ovn-monitor-all=true
  run vswitchd ovs-vswitchd unix:/var/run/openvswitch/db.sock \
    --pidfile=/var/run/openvswitch/ovs-vswitchd.pid --unixctl=/var/run/openvswitch/ovs-vswitchd.ctl -vconsole:warn
  ovs-vsctl --timeout=20 --may-exist add-br br-int -- set Bridge br-int datapath_type=netdev fail-mode=secure \
    -- --may-exist add-br br-ex -- set Bridge br-ex datapath_type=netdev
  run northd ovn-northd --ovnnb-db=tcp:$IP:6641 --ovnsb-db=tcp:$IP:6642 \
    --pidfile=/var/run/ovn/ovn-northd.pid --unixctl=/var/run/ovn/ovn-northd.ctl -vconsole:warn
  # ovn-controller 23.03 can crash when it meets a southbound database that northd has not filled yet.
  ovn-nbctl --timeout=30 --wait=sb sync
  start_controller
  neutron_reads_external_ids
  fake_chassis
}
database() { # NAME PORT FILE DIR SOCKET FILES-NAME [extra…]
  local n=$1 port=$2 file=$3 dir=$4 sock=$5 base=$6; shift 6
  run_on "$port" "$n" ovsdb-server "$file" "--remote=punix:$dir/$sock" "--remote=ptcp:$port:$IP" "$@" \
    "--pidfile=$dir/$base.pid" "--unixctl=$dir/$base.ctl" -vconsole:warn
}

# Started until it is connected: a crash at the first contact is seen now and then, and without
# ovn-controller every API works while no packet flows.
start_controller() {
  local try i pid st
  for try in 1 2 3 4 5; do
    run ovn-controller ovn-controller unix:/var/run/openvswitch/db.sock \
      --pidfile=/var/run/ovn/ovn-controller.pid -vconsole:warn
    for i in $(seq 1 100); do
      alive ovn-controller || break
      read -r pid st <"$RUN/ovn-controller.pid"
      [ "$(ovn-appctl -t "/var/run/ovn/ovn-controller.$pid.ctl" connection-status 2>/dev/null)" = connected ] \
        && [ -n "$(ovn-sbctl --bare --columns=_uuid find Chassis name="$HOSTN")" ] \
        && alive ovn-controller && return 0
      sleep 0.1
    done
    say "ovn-controller is not connected (try $try), starting it again"
    stop ovn-controller
  done
  tail -20 "$LOG/ovn-controller.log" >&2
  die "ovn-controller does not stay up, see $LOG/ovn-controller.log"
}

# Neutron 21 (Zed) reads these keys from Chassis.external_ids, OVN 23.03 writes them to other_config only.
# Without the copy Neutron sees no gateway chassis and no bridge mappings on the real host.
neutron_reads_external_ids() {
  ovn-sbctl set Chassis "$HOSTN" external_ids:ovn-cms-options=enable-chassis-as-gw \
    external_ids:ovn-bridge-mappings=physnet1:br-ex external_ids:datapath-type=netdev \
    external_ids:iface-types=internal,system,tap,patch,geneve
}

# Simulated compute hosts need a chassis that looks alive, or ports cannot be bound to them.
fake_chassis() {
  local i n
  for i in $(seq 1 "$FAKES"); do
    n=fake-$i
    [ -n "$(ovn-sbctl --bare --columns=_uuid find Chassis name=$n)" ] && continue
    ovn-sbctl -- --id=@e create Encap type=geneve ip=127.0.1.$i chassis_name=$n options:csum=true \
      -- --id=@c create Chassis name=$n hostname=$n encaps=@e external_ids:ovn-bridge-mappings=physnet1:br-ex \
         other_config:ovn-bridge-mappings=physnet1:br-ex \
      -- create Chassis_Private name=$n chassis=@c nb_cfg=2000000000 >/dev/null
  done
}
