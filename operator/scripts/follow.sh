#!/bin/sh
# Runs beside Redis for as long as it lives and brings an unassigned Redis to the primary that a majority of the
# Sentinels name. It never decides who is primary: Sentinel does. It acts in two cases only:
#  - this Redis is unassigned: it came back, or is new;
#  - it has followed an address in vain for some seconds and no primary answers there: Sentinel may have failed over
#    before it knew this replica.
set -u
. "${0%/*}/topology.sh"

# Seconds that a Sentinel may ask for votes.
FAILOVER_VOTE_S=10

# direct COMMAND: one command and the rewrite that makes it last, on our own Redis.
direct() {
  order "$REDIS_PORT" "$1${newline}config rewrite"
}

# Once in the life of a Redis: it holds what its primary has, or is the primary. Once only, and never in a pod that is
# to go: the operator sets the priority of such a pod to 0.
make_electable() {
  [ -z "$electable" ] && listed || return 0
  ! order "$REDIS_PORT" 'config set replica-priority 100' || electable=yes
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
electable=
started=$(uptime_s)
while sleep "$pause"; do
  read_passwords
  state=$(own_state)
  case $state in
    'slave 127.0.0.1 '*)
      pause=1
      ;;
    'slave '*' connected')
      pause=5 in_vain=0
      make_electable
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
    'master '*)
      pause=2 in_vain=0
      make_electable
      continue
      ;;
    *) # Redis is not up (yet).
      pause=2 in_vain=0
      continue
      ;;
  esac
  primary=$(elected)
  [ -n "$primary" ] || continue
  if [ "${primary% *}" = "$POD_IP" ]; then
    # The Sentinels wait for us. Only the one that was primary when it stopped holds every acknowledged write; anyone
    # else stays unassigned, until the Sentinels have elected a replica that has the data. A Sentinel that is about to
    # may lose to another, and says so for ten seconds more.
    case $state in 'slave 127.0.0.1 2 '*) ;; *) continue ;; esac
    if [ "$(uptime_s)" -ge $((started + FAILOVER_VOTE_S)) ] || ! failover_runs; then direct 'replicaof no one'; fi
  elif is_primary "${primary% *}" "${primary#* }"; then
    direct "replicaof $primary"
    in_vain=0
  fi
done
