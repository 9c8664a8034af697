# Keystone. Password hashing is cheap on purpose: tests sign in a lot.

keystone_config() {
  cat >"$ETC/keystone/keystone.conf" <<EOF
[DEFAULT]
log_file =
use_stderr = true
max_token_size = 512
$(database_section keystone)
[token]
provider = fernet
[identity]
password_hash_rounds = 4
max_password_length = 72
[fernet_tokens]
key_repository = $DATA/keystone/fernet
[credential]
key_repository = $DATA/keystone/credential
[cache]
enabled = true
backend = dogpile.cache.pymemcache
memcache_servers = $IP:11211
[auth]
methods = external,password,token,oauth1,mapped,application_credential,openid
[federation]
trusted_dashboard = http://$IP/auth/websso/
[oslo_middleware]
enable_proxy_headers_parsing = true
$(common_sections)
EOF
}
keystone_first() {
  local manage=(keystone-manage --config-file "$ETC/keystone/keystone.conf") url=http://$IP:5000/v3/
  mkdir -p "$DATA"/keystone/{fernet,credential}; chmod 700 "$DATA"/keystone/*
  "${manage[@]}" db_sync
  "${manage[@]}" fernet_setup --keystone-user root --keystone-group root
  "${manage[@]}" credential_setup --keystone-user root --keystone-group root
  "${manage[@]}" bootstrap --bootstrap-password "$SECRET" --bootstrap-region-id $REGION \
    --bootstrap-public-url $url --bootstrap-internal-url $url --bootstrap-admin-url $url
}
keystone_start() {
  wsgi keystone 5000 /usr/bin/keystone-wsgi-public 8 OS_KEYSTONE_CONFIG_FILES="$ETC/keystone/keystone.conf"
}
