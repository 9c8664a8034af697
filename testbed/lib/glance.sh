# Glance with two file stores (copy-image needs two) and all import methods. Loopback sources are allowed:
# the images of tests are served from this machine.

glance_config() {
  mkdir -p "$DATA"/glance/{images,images-slow,staging,tasks}
  cat >"$ETC/glance/glance-api.conf" <<EOF
[DEFAULT]
use_stderr = true
bind_host = $IP
bind_port = 9292
workers = $WORKERS
enabled_backends = fast:file,slow:file
enabled_import_methods = [glance-direct,web-download,copy-image]
show_image_direct_url = false
show_multiple_locations = false
worker_self_reference_url = http://$IP:9292
node_staging_uri = file://$DATA/glance/staging
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = $DATA/glance/images
[slow]
filesystem_store_datadir = $DATA/glance/images-slow
[os_glance_staging_store]
filesystem_store_datadir = $DATA/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = $DATA/glance/tasks
[import_filtering_opts]
allowed_schemes = [http,https]
allowed_ports = []
allowed_hosts = [127.0.0.1,localhost]
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
[oslo_policy]
enforce_new_defaults = false
enforce_scope = false
$(database_section glance)
$(token_section glance)
$(common_sections)
EOF
  printf '[image_import_opts]\nimage_import_plugins = []\n' >"$ETC/glance/glance-image-import.conf"
}
glance_schema() {
  glance-manage --config-file "$ETC/glance/glance-api.conf" db_sync
  glance-manage --config-file "$ETC/glance/glance-api.conf" db_load_metadefs /etc/glance/metadefs
}
glance_start() {
  run_on 9292 glance glance-api --config-file "$ETC/glance/glance-api.conf" \
    --config-file "$ETC/glance/glance-image-import.conf"
}
