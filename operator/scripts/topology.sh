# Sourced by the other scripts: where things are, and what the Sentinels say. Only POSIX sh, redis-cli and the few
# programs that busybox has too (cat, mv, sed, sleep, timeout).
#
# The password is never an argument: redis-cli takes it from REDISCLI_AUTH, the servers from files that only they read.

: "${DATA:=/data}" "${REDIS_PORT:=6379}" "${SENTINEL_PORT:=26379}"
: "${PASSWORD_FILE:=/run/secrets/hyperpage/redis/password}"
scripts=${0%/*}
umask 077
# Process 1 has no default answer to signals.
trap 'exit 143' TERM INT

REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
export REDISCLI_AUTH

# The password as a quoted word of redis.conf and of redis-cli's standard input.
quoted_password() {
  printf '"%s"' "$(printf %s "$REDISCLI_AUTH" | sed 's/[\\"]/\\&/g')"
}

# query HOST PORT COMMAND…: the answer, or nothing after two seconds.
query() {
  query_host=$1 query_port=$2
  shift 2
  timeout 2 redis-cli -h "$query_host" -p "$query_port" "$@" 2>/dev/null
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
  for peer in $(cat "$scripts/peers"); do
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

# quorum: Sentinels that make a majority.
quorum() {
  expected=0
  for peer in $(cat "$scripts/peers"); do expected=$((expected + 1)); done
  echo $((expected / 2 + 1))
}

# is_primary ADDRESS PORT: true when a primary answers there now.
is_primary() {
  query "$1" "$2" role | {
    read -r is_role || is_role=
    [ "$is_role" = master ]
  }
}

# serve COMMAND…: runs the server and ends as it ends. This shell stays process 1 and collects what `timeout` and the
# probes leave behind. A Redis as process 1 would have to, and it does so one process each tenth of a second, before it
# notices the end of its own children: replicas then wait for minutes until a synchronisation begins.
serve() {
  "$@" &
  server=$!
  trap 'kill -TERM "$server" 2>/dev/null' TERM INT
  while :; do
    wait "$server" && status=0 || status=$?
    # A signal interrupts the wait: then the server is still there.
    kill -0 "$server" 2>/dev/null || exit "$status"
  done
}
