# The one real compute host: libvirt and QEMU without KVM, everything as root, no cgroups, no logd.

LIBVIRT_URI="qemu+unix:///system?socket=$RUN/libvirt/libvirt-sock"

start_libvirt() {
  mkdir -p "$ETC/libvirt" "$RUN/libvirt" /var/run/libvirt
  cat >"$ETC/libvirt/libvirtd.conf" <<EOF
unix_sock_dir = "$RUN/libvirt"
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:stderr"
EOF
  # The QEMU driver reads this path and no other; `down` puts the original back.
  replace_system_file /etc/libvirt/qemu.conf <<'EOF'
# written by the lotse testbed
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
EOF
  run virtlogd virtlogd
  alive libvirtd || rm -f "$RUN/libvirt/libvirt-sock"
  run libvirtd libvirtd -f "$ETC/libvirt/libvirtd.conf"
  wait_file "$RUN/libvirt/libvirt-sock" libvirtd
}
stop_guests() {
  local n p
  if command -v virsh >/dev/null && alive libvirtd; then
    for n in $(virsh -c "$LIBVIRT_URI" list --name 2>/dev/null); do
      virsh -c "$LIBVIRT_URI" destroy "$n" >/dev/null || true
    done
  fi
  # The metadata agent leaves a proxy per network behind.
  for n in $(ip netns list 2>/dev/null | awk '/^ovnmeta-/{print $1}'); do
    for p in $(ip netns pids "$n"); do
      if grep -qa haproxy "/proc/$p/cmdline"; then kill "$p" || true; fi
    done
    ip netns del "$n" || true
  done
}

nova_libvirt_config() {
  mkdir -p "$DATA/nova/libvirt/instances"
  cat >"$ETC/nova/libvirt.conf" <<EOF
[DEFAULT]
host = $HOSTN
state_path = $DATA/nova/libvirt
instances_path = $DATA/nova/libvirt/instances
compute_driver = libvirt.LibvirtDriver
force_config_drive = false
vif_plugging_is_fatal = true
vif_plugging_timeout = 60
reserved_host_memory_mb = 2048
reserved_host_disk_mb = 4096
shutdown_timeout = 5
[libvirt]
virt_type = qemu
wait_soft_reboot_seconds = 5
cpu_mode = none
hw_machine_type = x86_64=pc
connection_uri = $LIBVIRT_URI
nfs_mount_point_base = $DATA/nova/libvirt/mnt
[os_vif_ovs]
ovsdb_connection = tcp:$IP:6640
isolate_vif = false
EOF
  # Zed's OVN driver does not tell Nova that the bridges are in userspace, and os-vif would flip br-int
  # back to the kernel datapath that does not exist here.
  cat >"$ETC/nova/nova-compute-netdev" <<'EOF'
#!/usr/bin/python3
import sys
import nova.cmd.compute as compute
import vif_plug_ovs.constants as c
c.OVS_DATAPATH_SYSTEM = c.OVS_DATAPATH_NETDEV
sys.argv[0] = "nova-compute"
sys.exit(compute.main())
EOF
  chmod 755 "$ETC/nova/nova-compute-netdev"
}
nova_libvirt_start() {
  run nova-libvirt "$ETC/nova/nova-compute-netdev" --config-file "$ETC/nova/nova.conf" \
    --config-file "$ETC/nova/libvirt.conf"
  run ovn-metadata neutron-ovn-metadata-agent --config-file "$ETC/neutron/metadata.ini"
}
