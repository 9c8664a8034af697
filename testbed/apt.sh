#!/usr/bin/env bash
# apt.sh install PACKAGE… - installs Debian packages without starting daemons, with the sources that answer.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LOG=$(mktemp -d); RUN=$LOG; IP=127.0.0.1
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
. "$HERE/lib/base.sh"
. "$HERE/lib/packages.sh"
[ "${1:-}" = install ] && [ $# -ge 2 ] || die "usage: apt.sh install PACKAGE…"
shift
apt_install "$@"
rm -r "$LOG"
