# Words shared by all parts: messages, processes that are ours and only ours, waiting, one-time steps.

STARTED_AT=${EPOCHREALTIME/./}
say() {
  local ms=$(( (${EPOCHREALTIME/./} - STARTED_AT) / 1000 ))
  printf '[%4d.%d s] %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*"
}
die() { echo "testbed: $*" >&2; exit 1; }

# A process is known by its pid and its start time: a recycled pid is never mistaken for ours.
starttime() { awk '{print $22}' "/proc/$1/stat" 2>/dev/null; }
alive() { # NAME
  local f=$RUN/$1.pid pid st
  [ -s "$f" ] || return 1
  read -r pid st <"$f" || true
  [ -n "${st:-}" ] && [ "$(starttime "$pid")" = "$st" ]
}
recorded() { # names of all processes ever started and not stopped
  local f
  for f in "$RUN"/*.pid; do [ -e "$f" ] && basename "$f" .pid; done
  return 0
}

run() { # NAME CMD…  starts it in a session of its own unless it runs already
  local n=$1 pid; shift
  alive "$n" && return 0
  # stdin and the lock (9) are not inherited: a daemon must hold neither.
  (cd / && exec setsid "$@" >>"$LOG/$n.log" 2>&1 </dev/null 9>&-) &
  pid=$!
  sleep 0.05
  echo "$pid $(starttime $pid)" >"$RUN/$n.pid"
}
run_on() { # PORT NAME CMD…  the same, for what listens: the port must be free or already ours
  local port=$1; shift
  if ! alive "$1" && port_open "$port"; then
    die "port $port is taken by a process that is not ours, so $1 cannot start; stop it first"
  fi
  run "$@"
}
stop() { # NAME [seconds to end in peace]
  local f=$RUN/$1.pid pid st i
  [ -s "$f" ] || { rm -f "$f"; return 0; }
  if alive "$1"; then
    read -r pid st <"$f"
    kill -TERM "$pid" 2>/dev/null || true
    for i in $(seq 1 $((${2:-8} * 10))); do alive "$1" || break; sleep 0.1; done
    kill -KILL -- "-$pid" 2>/dev/null || true     # what is left of its own process group
  fi
  rm -f "$f"
}

port_open() { (exec 3<>"/dev/tcp/$IP/$1") 2>/dev/null; }
wait_port() { # PORT NAME [seconds]
  local i
  for i in $(seq 1 $((${3:-60} * 5))); do
    port_open "$1" && return 0
    alive "$2" || { tail -20 "$LOG/$2.log" >&2; die "$2 died while starting, see $LOG/$2.log"; }
    sleep 0.2
  done
  die "$2 did not open port $1, see $LOG/$2.log"
}
wait_file() { # PATH NAME [seconds]  a socket that NAME makes
  local i
  for i in $(seq 1 $((${3:-30} * 10))); do
    [ -e "$1" ] && return 0
    alive "$2" || { tail -20 "$LOG/$2.log" >&2; die "$2 died while starting, see $LOG/$2.log"; }
    sleep 0.1
  done
  die "$2 did not create $1, see $LOG/$2.log"
}

once() { # MARKER CMD…  a step that is done one time in the life of the state directory
  local m=$1; shift
  [ -e "$MARK/$m" ] && return 0
  # Not `"$@" && touch`: that would switch `set -e` off inside the step and mark half a step as done.
  "$@"
  touch "$MARK/$m"
}
seed() { # NAME ARGS…  a script of seed/, with Debian's Python and our clouds
  local n=$1; shift
  OS_CLIENT_CONFIG_FILE=$ETC/clouds.yaml OS_CLOUD=testbed-admin /usr/bin/python3 "$HERE/seed/$n.py" "$@"
}

check_alive() { # at the end of `up`: everything that was started still runs
  local n dead=()
  for n in $(recorded); do alive "$n" || dead+=("$n"); done
  [ ${#dead[@]} = 0 ] && return 0
  for n in "${dead[@]}"; do echo "--- $LOG/$n.log"; tail -5 "$LOG/$n.log"; done >&2
  die "died after starting: ${dead[*]}; another 'up' starts them again"
}

pss() { # MiB of proportional memory of process group $1
  local p t=0 v
  for p in $(ps -eo pid=,pgid= | awk -v g="$1" '$2==g{print $1}'); do
    v=$(awk '/^Pss:/{print $2}' "/proc/$p/smaps_rollup" 2>/dev/null || true); t=$((t + ${v:-0}))
  done
  echo $((t / 1024))
}
cmd_status() { # [-q]  success when Keystone and Glance run and nothing that was started is dead
  local n pid st m total=0 bad=0
  for n in $(recorded); do
    if alive "$n"; then
      [ "${1:-}" = -q ] && continue
      read -r pid st <"$RUN/$n.pid"
      m=$(pss "$pid"); total=$((total + m))
      printf '%-18s up    pid %-7s %5s MiB\n' "$n" "$pid" "$m"
    else
      bad=1
      [ "${1:-}" = -q ] || printf '%-18s DEAD  see %s\n' "$n" "$LOG/$n.log"
    fi
  done
  if ! alive keystone || ! alive glance; then
    bad=1
    [ "${1:-}" = -q ] || echo "the testbed is not up"
  fi
  [ "${1:-}" = -q ] || echo "memory $total MiB"
  return $bad
}

# Files of the system that have to be changed are kept and put back by `down`.
replace_system_file() { # PATH  (new content on stdin)
  local kept=$KEEP/${1//\//%}
  if [ ! -e "$kept" ] && [ ! -e "$kept.absent" ]; then
    if [ -e "$1" ]; then cp -p "$1" "$kept"; else : >"$kept.absent"; fi
  fi
  cat >"$1"
}
restore_system_files() {
  local kept path
  for kept in "$KEEP"/%*; do
    [ -e "$kept" ] || continue
    path=${kept##*/}; path=${path%.absent}; path=${path//%//}
    case $kept in
      *.absent) rm -f "$path" "$kept" ;;
      *) mv "$kept" "$path" ;;
    esac
  done
}
clear_mounts() { # everything mounted below our state
  local m
  awk -v s="$STATE/" 'index($2,s)==1{print $2}' /proc/mounts | sort -r | while read -r m; do
    umount "$m" || umount -l "$m" || true
  done
}
