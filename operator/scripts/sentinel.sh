#!/bin/sh
# Starts Sentinel. Its identity is the pod's, whatever its address: so a Sentinel that comes back takes its old place
# among the others instead of swelling the number that a majority is counted from.
# A Sentinel without memory asks the others whom they watch, and which replicas they know; when nobody can say, it
# watches nothing until the operator (which builds the first topology) or another Sentinel tells it.
set -eu
. "${0%/*}/topology.sh"

conf=$DATA/sentinel.conf
DOWN_AFTER_MS=5000
FAILOVER_TIMEOUT_MS=10000

# 40 hexadecimal digits: the UID of the HyperpageCluster and the ordinal of the pod.
identity() (
  IFS=-
  # shellcheck disable=SC2086
  set -- ${PRIMARY_NAME#hyperpage-}
  printf '%s%s%s%s%s%08d' "$1" "$2" "$3" "$4" "$5" "${POD_NAME##*-}"
)

remembers() {
  [ -s "$conf" ] || return 1
  while read -r word option value; do
    [ "$word $option $value" != "sentinel announce-ip $POD_IP" ] || return 0
    [ "$word $option $value" != "sentinel announce-ip \"$POD_IP\"" ] || return 0
  done <"$conf"
  return 1
}

# known_replicas HOST "ADDRESS PORT": configuration lines for the replicas that the Sentinel on HOST knows. In the middle of
# a failover it names the new primary and still lists it as a replica: with both, this Sentinel would make the primary
# follow itself.
known_replicas() {
  query "$1" "$SENTINEL_PORT" sentinel replicas "$PRIMARY_NAME" | while read -r key && read -r value; do
    case $key in
      ip) replica=$value ;;
      port) [ "$replica $value" = "$2" ] || echo "sentinel known-replica $PRIMARY_NAME $replica $value" ;;
    esac
  done
}

# watch_lines HOST "ADDRESS PORT": configuration lines to watch what the Sentinel on HOST watches.
watch_lines() {
  cat <<END
sentinel monitor $PRIMARY_NAME $2 $(quorum)
sentinel auth-pass $PRIMARY_NAME $(quoted_password)
sentinel down-after-milliseconds $PRIMARY_NAME $DOWN_AFTER_MS
sentinel failover-timeout $PRIMARY_NAME $FAILOVER_TIMEOUT_MS
sentinel parallel-syncs $PRIMARY_NAME 1
END
  known_replicas "$1" "$2"
}

# from_peers: asks the other Sentinels; prints "HOST ADDRESS PORT" of the first that can say.
from_peers() {
  for peer in $(cat "$scripts/peers"); do
    case $peer in "$POD_NAME" | "$POD_NAME".*) continue ;; esac
    primary=$(named_by "$peer")
    [ -z "$primary" ] || { echo "$peer $primary"; return; }
  done
}

write_conf() {
  password=$(quoted_password)
  found=$(from_peers)
  {
    cat <<END
bind $POD_IP
port $SENTINEL_PORT
protected-mode no
dir $DATA
requirepass $password
sentinel sentinel-pass $password
sentinel announce-ip $POD_IP
sentinel announce-port $SENTINEL_PORT
sentinel myid $(identity)
END
    [ -z "$found" ] || watch_lines "${found%% *}" "${found#* }"
  } >"$conf.new"
  mv "$conf.new" "$conf"
}

# While this Sentinel watches nothing: ask the others again. It can come to that later too, when the operator has the
# Sentinels forget a primary that is gone for ever and breaks off half-way.
learn() {
  set +e
  pause=1
  while sleep "$pause"; do
    query "$POD_IP" "$SENTINEL_PORT" ping >/dev/null || continue
    [ -z "$(named_by "$POD_IP")" ] || { pause=15; continue; }
    found=$(from_peers)
    [ -n "$found" ] || continue
    timeout 5 redis-cli -h "$POD_IP" -p "$SENTINEL_PORT" >/dev/null 2>&1 <<END
sentinel monitor $PRIMARY_NAME ${found#* } $(quorum)
sentinel set $PRIMARY_NAME auth-pass $(quoted_password) down-after-milliseconds $DOWN_AFTER_MS failover-timeout $FAILOVER_TIMEOUT_MS parallel-syncs 1
END
  done
}

remembers || write_conf
learn &
serve redis-sentinel "$conf"
