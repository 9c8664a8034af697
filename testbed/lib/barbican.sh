# Barbican: secrets in the database, encrypted with the simple crypto plugin's key from the file.

barbican_config() {
  # The WSGI script takes no arguments; oslo.config looks into ~/.barbican first, so it gets a home.
  mkdir -p "$ETC/barbican/.barbican"
  cat >"$ETC/barbican/.barbican/barbican.conf" <<EOF
[DEFAULT]
use_stderr = true
transport_url = $(rpc_url)
host_href = http://$IP:9311
db_auto_create = false
sql_connection = $(db_url barbican)
[queue]
enable = false
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
# 32 bytes of the letter t
kek = dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHQ=
[oslo_policy]
enforce_new_defaults = false
enforce_scope = false
$(token_section barbican)
$(common_sections)
EOF
}
barbican_schema() {
  create_database barbican
  HOME="$ETC/barbican" barbican-manage db upgrade --db-url "$(db_url barbican)"
}
barbican_start() {
  wsgi barbican 9311 /usr/bin/barbican-wsgi-api 4 HOME="$ETC/barbican"
}
