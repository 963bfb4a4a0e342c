#!/bin/sh
# Runs beside Redis for as long as it lives and brings an unassigned Redis to the primary that a majority of the
# Sentinels name. It never decides who is primary: Sentinel does. It acts in two cases only:
#  - this Redis is unassigned: it came back, or is new;
#  - it has followed an address in vain for some seconds and no primary answers there: Sentinel may have failed over
#    before it knew this replica.
set -u
. "${0%/*}/topology.sh"

# order COMMAND: one command and the rewrite that makes it last, on our own Redis.
order() {
  printf '%s\nconfig rewrite\n' "$1" | timeout 5 redis-cli -h "$POD_IP" -p "$REDIS_PORT" >/dev/null 2>&1
}

own_state() {
  query "$POD_IP" "$REDIS_PORT" role | {
    read -r role || role=
    read -r address || address=
    read -r port || port=
    read -r link || link=
    printf '%s %s %s %s\n' "$role" "${address:--}" "${port:--}" "${link:--}"
  }
}

pause=1
in_vain=0
while sleep "$pause"; do
  state=$(own_state)
  case $state in
    'slave 127.0.0.1 '*)
      pause=1
      ;;
    'slave '*' connected')
      pause=5 in_vain=0
      continue
      ;;
    'slave '*)
      pause=2 in_vain=$((in_vain + 1))
      [ "$in_vain" -ge 2 ] || continue
      followed=${state#slave }
      followed=${followed% *}
      # It only takes its time, or Sentinel has just sent us there and the majority has yet to hear of it.
      ! is_primary "${followed% *}" "${followed#* }" || continue
      ;;
    *) # The primary, or Redis is not up (yet).
      pause=2 in_vain=0
      continue
      ;;
  esac
  primary=$(elected)
  [ -n "$primary" ] || continue
  if [ "${primary% *}" = "$POD_IP" ]; then
    # The Sentinels wait for us. Only the one that was primary when it stopped holds every acknowledged write; anyone
    # else stays unassigned, until the Sentinels have elected a replica that has the data.
    case $state in 'slave 127.0.0.1 2 '*) order 'replicaof no one' ;; esac
  elif is_primary "${primary% *}" "${primary#* }"; then
    order "replicaof $primary"
    in_vain=0
  fi
done
