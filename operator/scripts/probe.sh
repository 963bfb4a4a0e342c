#!/bin/sh
# probe.sh live: Redis answers, whatever it answers (it may be loading its data).
# probe.sh ready: it serves: a primary, or a replica whose link is up.
. "${0%/*}/topology.sh"

case ${1:-live} in
  live) [ -n "$(query "$POD_IP" "$REDIS_PORT" ping)" ] ;;
  ready)
    query "$POD_IP" "$REDIS_PORT" role | {
      read -r role || role=
      read -r _ || true
      read -r _ || true
      read -r link || link=
      [ "$role" = master ] || [ "$role $link" = 'slave connected' ]
    }
    ;;
esac
