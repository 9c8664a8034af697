# Cinder with the NFS driver on a bind mount: the kernel has no device mapper, NFS or iSCSI.

cinder_config() {
  mkdir -p "$DATA"/cinder/{export,mnt,conversion,backup}
  chmod 777 "$DATA/cinder/export"
  echo "$IP:$DATA/cinder/export" >"$ETC/cinder/shares"
  cat >"$ETC/cinder/cinder.conf" <<EOF
[DEFAULT]
use_stderr = true
transport_url = $(rpc_url)
my_ip = $IP
osapi_volume_listen = $IP
osapi_volume_workers = $WORKERS
auth_strategy = keystone
state_path = $DATA/cinder
image_conversion_dir = $DATA/cinder/conversion
glance_api_servers = http://$IP:9292
api_paste_config = /etc/cinder/api-paste.ini
resource_query_filters_file = /etc/cinder/resource_filters.json
rootwrap_config = /etc/cinder/rootwrap.conf
enabled_backends = files
default_volume_type = files
backup_driver = cinder.backup.drivers.posix.PosixBackupDriver
backup_posix_path = $DATA/cinder/backup
enable_v3_api = true
[files]
volume_driver = cinder.volume.drivers.nfs.NfsDriver
volume_backend_name = files
nfs_shares_config = $ETC/cinder/shares
nfs_mount_point_base = $DATA/cinder/mnt
nfs_snapshot_support = true
nfs_qcow2_volumes = false
nfs_sparsed_volumes = true
nas_secure_file_operations = false
nas_secure_file_permissions = false
[key_manager]
backend = cinder.keymgr.conf_key_mgr.ConfKeyManager
[nova]
$(credentials nova)
[service_user]
send_service_user_token = true
$(credentials cinder)
$(database_section cinder)
$(token_section cinder)
$(common_sections)
EOF
  cinder_mount_helper
}
# "NFS" shares of this very host become bind mounts. `down` takes the helper away again.
cinder_mount_helper() {
  [ -e /sbin/mount.nfs ] && return 0
  replace_system_file /sbin/mount.nfs <<'EOF'
#!/bin/sh
# lotse testbed: mount.nfs HOST:PATH DIR [-o …]
[ $# -ge 2 ] || exit 0
exec mount --no-canonicalize --bind "${1#*:}" "$2"
EOF
  chmod 755 /sbin/mount.nfs
}
cinder_schema() { cinder-manage --config-file "$ETC/cinder/cinder.conf" db sync; }
cinder_start() {
  run_on 8776 cinder-api cinder-api --config-file "$ETC/cinder/cinder.conf"
  run cinder-scheduler cinder-scheduler --config-file "$ETC/cinder/cinder.conf"
  run cinder-volume cinder-volume --config-file "$ETC/cinder/cinder.conf"
  run cinder-backup cinder-backup --config-file "$ETC/cinder/cinder.conf"
}
