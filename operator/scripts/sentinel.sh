#!/bin/sh
# Starts Sentinel. Its identity is the pod's, whatever its address: so a Sentinel that comes back takes its old place
# among the others instead of swelling the number that a majority is counted from.
# A Sentinel without memory asks the others whom they watch, and which replicas they know; when nobody can say, it
# watches nothing until the operator (which builds the first topology) or another Sentinel tells it.
set -eu
. "${0%/*}/topology.sh"
. "$scripts/mounts.sh"

conf=$DATA/sentinel.conf
DOWN_AFTER_MS=5000
# Half of the time after which a failover is tried again: with one Sentinel of three gone, one in five elections ends in a
# draw, each of the two having voted for itself.
FAILOVER_TIMEOUT_MS=3000
# All of them: one that is dead would hold up the others for as long as that.
PARALLEL_SYNCS=8

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
sentinel down-after-milliseconds $PRIMARY_NAME $DOWN_AFTER_MS
sentinel failover-timeout $PRIMARY_NAME $FAILOVER_TIMEOUT_MS
sentinel parallel-syncs $PRIMARY_NAME $PARALLEL_SYNCS
END
  known_replicas "$1" "$2"
}

# from_peers: asks the other Sentinels; prints "HOST ADDRESS PORT" of the first that names a primary which it holds for alive,
# or else of the first that names one.
from_peers() {
  found=
  for peer in $(peers); do
    case $peer in "$POD_NAME" | "$POD_NAME".*) continue ;; esac
    primary=$(named_by "$peer")
    [ -n "$primary" ] || continue
    ! watches_in_vain "$peer" || { found=${found:-$peer $primary}; continue; }
    echo "$peer $primary"
    return
  done
  [ -z "$found" ] || echo "$found"
}

# watches_in_vain HOST: true when the Sentinel on HOST does not reach the primary that it knows.
watches_in_vain() {
  case $(query "$1" "$SENTINEL_PORT" sentinel master "$PRIMARY_NAME") in *s_down* | *disconnected*) return 0 ;; esac
  return 1
}

# alone: true when our Sentinel knows of no other one. Sentinels hear of each other, and of a new primary, through the Redis
# that they watch: one that began on a primary that was dead already never hears of anything.
alone() {
  case $(query "$POD_IP" "$SENTINEL_PORT" sentinel master "$PRIMARY_NAME") in
    *"num-other-sentinels
0"*) return 0 ;;
  esac
  return 1
}

# kept_lines: what this Sentinel knew, without what is written anew each time. It does not quote the passwords that it
# writes, so it could not read them again; and what it could not read it keeps as a comment.
kept_lines() {
  while IFS= read -r line; do
    case $line in
      'sentinel sentinel-'* | 'sentinel auth-'* | 'sentinel announce-'* | 'sentinel myid '*) ;;
      'sentinel '*) printf '%s\n' "$line" ;;
    esac
  done <"$conf"
}

write_conf() {
  if remembers; then
    known=$(kept_lines)
  else
    found=$(from_peers)
    known=
    [ -z "$found" ] || known=$(watch_lines "${found%% *}" "${found#* }")
  fi
  {
    conf_lines "$SENTINEL_PORT"
    cat <<END
sentinel sentinel-user $PRIMARY_NAME
sentinel sentinel-pass $(quoted "$password")
sentinel announce-ip $POD_IP
sentinel announce-port $SENTINEL_PORT
sentinel myid $(identity)
$known
END
    case $known in
      *"sentinel monitor $PRIMARY_NAME "*)
        cat <<END
sentinel auth-user $PRIMARY_NAME $PRIMARY_NAME
sentinel auth-pass $PRIMARY_NAME $(quoted "$password")
END
        ;;
    esac
  } >"$conf.new"
  mv "$conf.new" "$conf"
}

# set_watch [OPTION VALUE…]: how our Sentinel watches the primary: as whom it speaks with Redis, and what is given.
set_watch() {
  order "$SENTINEL_PORT" \
    "sentinel set $PRIMARY_NAME auth-user $PRIMARY_NAME auth-pass $(quoted "$password") $*"
}

# While this Sentinel watches nothing: ask the others again. It can come to that later too, when the operator has the
# Sentinels forget a primary that is gone for ever and breaks off half-way. While it watches one in vain: perhaps
# nobody told it the password, or a former one; or it is alone with a primary that the others have replaced.
learn() {
  set +e
  pause=1
  while sleep "$pause"; do
    read_passwords
    [ -n "$(query "$POD_IP" "$SENTINEL_PORT" ping)" ] || continue
    if [ -n "$(named_by "$POD_IP")" ]; then
      pause=10
      watches_in_vain "$POD_IP" || continue
      set_watch
      found=$(from_peers)
      [ -n "$found" ] && [ "${found#* }" != "$(named_by "$POD_IP")" ] && ! watches_in_vain "${found%% *}" || continue
      alone || [ "$(elected)" = "${found#* }" ] || continue
      order "$SENTINEL_PORT" "sentinel remove $PRIMARY_NAME" || continue
    else
      found=$(from_peers)
    fi
    [ -n "$found" ] || continue
    order "$SENTINEL_PORT" "sentinel monitor $PRIMARY_NAME ${found#* } $(quorum)" || continue
    set_watch down-after-milliseconds $DOWN_AFTER_MS failover-timeout $FAILOVER_TIMEOUT_MS parallel-syncs $PARALLEL_SYNCS
  done
}

apply_passwords() {
  set_users "$SENTINEL_PORT" &&
    order "$SENTINEL_PORT" "sentinel config set sentinel-pass $(quoted "$password")" || return 1
  # While it watches nothing, `learn` or the operator will say how to.
  [ -z "$(named_by "$POD_IP")" ] || set_watch
}

# Sentinel cannot read certificates again. It is started again below, and goes on where it was: sentinel.conf holds all.
apply_certificates() {
  [ -z "$(query "$POD_IP" "$SENTINEL_PORT" shutdown)" ]
}

before=$(certificates)
learn &
follow_mounts "$SENTINEL_PORT" "$before" &
while :; do
  read_passwords
  write_conf
  serve redis-sentinel "$conf" || exit $?
  [ -z "$told" ] || exit 0
done
