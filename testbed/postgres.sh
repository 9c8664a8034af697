#!/bin/bash
# A throw-away PostgreSQL for tests: loopback TCP only, no socket, no password, its own data directory.
#
#   testbed/postgres.sh up       make it if missing, start it if stopped, print its URL
#   testbed/postgres.sh url      print the URL of the running server; exit 1 when none runs
#   testbed/postgres.sh env      the same as "export LOTSE_TEST_POSTGRES=URL"
#   testbed/postgres.sh status   exit 0 when it runs, 1 when not
#   testbed/postgres.sh stop     stop it, keep the data ("stop now" does not let clients finish)
#   testbed/postgres.sh down     stop it and remove the data
#
# The URL is that of an administrator who may create databases; tests take it from LOTSE_TEST_POSTGRES.
# Environment: LOTSE_POSTGRES_DIR (default /var/tmp/lotse-postgres), LOTSE_POSTGRES_PORT (default: a free one).
# As root the server runs as the user "postgres", otherwise as the caller. Every verb can be repeated.
set -euo pipefail

dir=${LOTSE_POSTGRES_DIR:-/var/tmp/lotse-postgres}
data=$dir/data

say() { echo "postgres.sh: $*" >&2; }

# PostgreSQL refuses to run as root.
as_server() { if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); else "$@"; fi; }

# Debian keeps the server programs outside the PATH.
find_programs() {
  local candidate
  for candidate in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v pg_ctl || echo /none/x)"); do
    if [ -x "$candidate/initdb" ] && [ -x "$candidate/pg_ctl" ]; then bin=$candidate; return 0; fi
  done
  return 1
}

install_programs() {
  find_programs && return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "PostgreSQL is not installed, and only root can install it here (apt-get install postgresql)"; exit 1
  fi
  say "installing PostgreSQL"
  # Without starting Debian's own server.
  "$(dirname "${BASH_SOURCE[0]}")/apt.sh" install postgresql >&2
  find_programs || { say "PostgreSQL was installed, but initdb and pg_ctl were not found"; exit 1; }
}

is_running() { [ -f "$data/postmaster.pid" ] && as_server "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; }

url() { echo "postgres://lotse@127.0.0.1:$(cat "$dir/port")/postgres"; }

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# Makes the data directory. A half-made one (a killed "up") has no file "ready" and is made again.
create() {
  [ -f "$dir/ready" ] && return 0
  rm -rf "$data"
  mkdir -p "$dir"
  [ "$(id -u)" = 0 ] && chown postgres "$dir"
  chmod 700 "$dir"
  as_server "$bin/initdb" -D "$data" -U lotse -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
    { say "initdb failed:"; cat "$dir/initdb.log" >&2; exit 1; }
  cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 32MB
# The data does not outlive the tests, so it need not survive a power cut.
fsync = off
CONF
  touch "$dir/ready"
}

start() {
  local attempt
  for attempt in 1 2 3; do
    if [ ! -s "$dir/port" ] || [ "$attempt" -gt 1 ]; then echo "${LOTSE_POSTGRES_PORT:-$(free_port)}" >"$dir/port"; fi
    as_server "$bin/pg_ctl" -D "$data" -l "$data/server.log" -o "-p $(cat "$dir/port")" -w -t 60 start >/dev/null 2>&1 9>&- && return 0
    say "start $attempt on port $(cat "$dir/port") failed"
  done
  tail -20 "$data/server.log" >&2
  exit 1
}

case "${1:-}" in
  up)
    install_programs
    mkdir -p "$dir"
    exec 9>"$dir/lock"; flock 9
    create
    is_running || start
    url ;;
  url)
    find_programs && is_running && url ;;
  env)
    find_programs && is_running && echo "export LOTSE_TEST_POSTGRES=$(url)" ;;
  status)
    if find_programs && is_running; then say "running at $(url)"; else say "not running"; exit 1; fi ;;
  stop)
    find_programs || exit 0
    if is_running; then as_server "$bin/pg_ctl" -D "$data" -w -m "$([ "${2:-}" = now ] && echo immediate || echo fast)" stop >/dev/null; fi ;;
  down)
    if find_programs && is_running; then as_server "$bin/pg_ctl" -D "$data" -w -m immediate stop >/dev/null; fi
    # Only what this script made: never a directory that somebody named by mistake.
    if [ -f "$dir/ready" ] || [ -f "$dir/lock" ]; then rm -rf "$data" "$dir/ready" "$dir/port" "$dir/initdb.log" "$dir/lock"; rmdir "$dir" 2>/dev/null || true; fi ;;
  *)
    say "usage: postgres.sh up|url|env|status|stop [now]|down"; exit 2 ;;
esac
