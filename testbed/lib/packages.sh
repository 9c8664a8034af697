# Debian packages: which ones, and installing them where not every package source can be reached.

PACKAGES_IMAGE="mariadb-server memcached uwsgi-plugin-python3 keystone glance-api
 python3-openstackclient iproute2 procps qemu-utils/bookworm qemu-block-extra/bookworm"
# nova-compute-ironic is the smallest package that gives nova-compute the hypervisor it depends on.
PACKAGES_FULL="rabbitmq-server placement-api nova-api nova-conductor nova-scheduler nova-compute
 nova-compute-ironic neutron-server neutron-ovn-metadata-agent haproxy cinder-api cinder-scheduler
 cinder-volume cinder-backup ovn-central ovn-host openvswitch-switch ethtool sudo openssl"
PACKAGES_LIBVIRT="qemu-system-x86/bookworm libvirt-daemon-system libvirt-clients python3-libvirt
 syslinux syslinux-common extlinux mtools dropbear-bin kmod genisoimage cpio fdisk"
PACKAGES_OCTAVIA="octavia-api octavia-worker octavia-driver-agent octavia-housekeeping
 octavia-health-manager python3-octaviaclient python3-ovn-octavia-provider"
PACKAGES_BARBICAN="barbican-api python3-barbicanclient"
PACKAGES_SWIFT="swift-proxy swift-account swift-container swift-object python3-swiftclient"

APT_OPTIONS=(-o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
  -o DPkg::Lock::Timeout=300)

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
absent() { local p; for p in "$@"; do installed "${p%%/*}" || echo "$p"; done; }

apt_install() { # PACKAGE…  (PACKAGE/SUITE pins a suite)
  local missing log=$LOG/apt.log
  mapfile -t missing < <(absent "$@")
  [ ${#missing[@]} = 0 ] && return 0
  [ "$(id -u)" = 0 ] || die "installing packages needs root; missing: ${missing[*]%%/*}"
  command -v apt-get >/dev/null || die "no apt-get on this machine; missing: ${missing[*]%%/*}"
  if [[ "$*" == */bookworm* ]] && ! grep -q '^VERSION_ID="12"' /etc/os-release; then
    die "the services come from Debian 12 packages; this is $(. /etc/os-release; echo "$PRETTY_NAME")"
  fi
  say "installing ${#missing[@]} packages and what they need (log: $log)"
  : >"$log"
  apt_refresh "$log"
  hold_daemons
  DEBIAN_FRONTEND=noninteractive apt-get "${APT_OPTIONS[@]}" install -y -qq --no-install-recommends \
    --allow-downgrades -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    "${missing[@]}" >>"$log" 2>&1 </dev/null 9>&- || true
  release_daemons
  mapfile -t missing < <(absent "$@")
  if [ ${#missing[@]} != 0 ]; then
    grep -E '^(E|Err|W: Failed)|Unable to locate|no installation candidate' "$log" | tail -15 >&2
    die "could not install: ${missing[*]%%/*} (see $log)"
  fi
  say "packages installed"
}

# Refreshes the package lists. A source that cannot be reached must not fail the others: if the plain
# refresh fails, it is repeated with the sources whose hosts did answer.
apt_refresh() { # LOG
  local out parts hosts
  if out=$(apt-get "${APT_OPTIONS[@]}" update 2>&1 </dev/null 9>&-); then echo "$out" >>"$1"; return 0; fi
  echo "$out" >>"$1"
  # `Err:4 https://host/path suite …` and `E: Failed to fetch https://host/path …`
  hosts=$(grep -oE '^(Err:[0-9]+|E: Failed to fetch|W: Failed to fetch|E: The repository .)[^:]*(https?://[^/ ]+)' <<<"$out" \
    | grep -oE 'https?://[^/ ]+' | sort -u)
  [ -n "$hosts" ] || { tail -5 <<<"$out" >&2; die "the package lists cannot be refreshed, see $1"; }
  say "unreachable package sources are left out: ${hosts//$'\n'/ }"
  parts=$(mktemp -d)
  without_hosts "$parts" "$hosts"
  if [ -z "$(ls -A "$parts")" ]; then
    rm -r "$parts"
    die "none of the package sources of this machine can be reached: ${hosts//$'\n'/ }"
  fi
  APT_OPTIONS+=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$parts")
  apt-get "${APT_OPTIONS[@]}" update >>"$1" 2>&1 </dev/null 9>&- \
    || { tail -5 "$1" >&2; die "the package lists cannot be refreshed, see $1"; }
}

without_hosts() { # DIR HOSTS  copies the sources of the machine into DIR, less those of the hosts
  local f keep=$2
  for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -s "$f" ] || continue
    grep -E '^[[:space:]]*deb' "$f" | grep -vF -f <(echo "$keep") >"$1/$(basename "$f" .list).list" \
      || rm -f "$1/$(basename "$f" .list).list"
  done
  for f in /etc/apt/sources.list.d/*.sources; do
    [ -s "$f" ] || continue
    awk -v bad="$keep" 'BEGIN { RS = ""; ORS = "\n\n"; n = split(bad, host, "\n") }
      { for (i = 1; i <= n; i++) if (index($0, host[i])) next; print }' "$f" >"$1/$(basename "$f")"
    [ -s "$1/$(basename "$f")" ] || rm -f "$1/$(basename "$f")"
  done
}

# Maintainer scripts must not start daemons: ours are started by us, with our files.
POLICY=/usr/sbin/policy-rc.d
hold_daemons() {
  [ -e $POLICY ] && return 0
  printf '#!/bin/sh\n# made by the lotse testbed while it installs packages\nexit 101\n' >$POLICY
  chmod 755 $POLICY
}
release_daemons() { if grep -qs 'made by the lotse testbed' $POLICY; then rm -f $POLICY; fi; }
