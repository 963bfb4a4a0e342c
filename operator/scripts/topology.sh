# Sourced by the other scripts: where things are, and what the Sentinels say.

: "${DATA:=/data}" "${REDIS_PORT:=6379}" "${SENTINEL_PORT:=26379}"
scripts=${0%/*}
server=
told=
umask 077
# Process 1 has no default answer to signals.
trap 'exit 143' TERM INT
. "$scripts/access.sh"

# peers: the names of the Redis pods that there should be. They may become more or fewer at any time.
peers() {
  cat "$scripts/peers"
}

# named_by HOST: prints "address port" of the primary that the Sentinel on HOST knows, or nothing.
named_by() {
  query "$1" "$SENTINEL_PORT" sentinel get-master-addr-by-name "$PRIMARY_NAME" | {
    read -r named_address || named_address=
    read -r named_port || named_port=
    case $named_port in
      '' | *[!0-9]*) ;;
      *) printf '%s %s\n' "$named_address" "$named_port" ;;
    esac
  }
}

# elected: prints "address port" of the primary that a majority of all Sentinels name, or nothing.
# One Sentinel alone proves nothing: it may have been cut off while the others elected another primary.
elected() {
  expected=0
  answers=
  for peer in $(peers); do
    expected=$((expected + 1))
    answer=$(named_by "$peer")
    [ -z "$answer" ] || answers="$answers ${answer% *}/${answer#* }"
  done
  for candidate in $answers; do
    votes=0
    for answer in $answers; do
      [ "$answer" != "$candidate" ] || votes=$((votes + 1))
    done
    if [ $((votes * 2)) -gt "$expected" ]; then
      printf '%s %s\n' "${candidate%/*}" "${candidate##*/}"
      return
    fi
  done
}

# unwatched: true when every Sentinel answers and none watches anything: then nobody can elect.
unwatched() {
  for peer in $(peers); do
    case $(query "$peer" "$SENTINEL_PORT" info sentinel) in *sentinel_masters:0*) ;; *) return 1 ;; esac
  done
}

# failover_runs: true when a Sentinel says that it is replacing the primary.
failover_runs() {
  for peer in $(peers); do
    case $(query "$peer" "$SENTINEL_PORT" sentinel master "$PRIMARY_NAME") in *failover_in_progress*) return 0 ;; esac
  done
  return 1
}

# quorum: Sentinels that make a majority.
quorum() {
  expected=0
  for peer in $(peers); do expected=$((expected + 1)); done
  echo $((expected / 2 + 1))
}

# listed: true while this pod is one of those that there should be.
listed() {
  for peer in $(peers); do
    case $peer in "$POD_NAME" | "$POD_NAME".* | "$POD_IP") return 0 ;; esac
  done
  return 1
}

# is_primary ADDRESS PORT: true when a primary of this cluster answers there now.
is_primary() {
  query "$1" "$2" role | {
    read -r is_role || is_role=
    [ "$is_role" = master ]
  }
}

# uptime_s: seconds on a clock that nobody sets.
uptime_s() {
  read -r uptime _ </proc/uptime
  echo "${uptime%.*}"
}

# serve COMMAND…: runs the server and returns as it ends; `told` says whether the container was told to end. This shell
# stays process 1 and collects what `timeout` and the probes leave behind. A Redis as process 1 would have to, and it
# does so one process each tenth of a second, before it notices the end of its own children: replicas then wait for
# minutes until a synchronisation begins.
serve() {
  trap 'told=yes; kill -TERM "$server" 2>/dev/null' TERM INT
  "$@" &
  server=$!
  # It may have been told between two servers.
  [ -z "$told" ] || kill -TERM "$server" 2>/dev/null
  while :; do
    wait "$server" && status=0 || status=$?
    # A signal interrupts the wait: then the server is still there.
    kill -0 "$server" 2>/dev/null || return "$status"
  done
}
