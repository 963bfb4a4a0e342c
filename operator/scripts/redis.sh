#!/bin/sh
# Starts Redis. Mode Standalone: as the primary that it is. Mode Sentinel: always *unassigned*, as a replica of an
# address where nobody listens, so never writable; then follow.sh finds out whose replica it is. So a pod that comes
# back, empty or not, can never be taken for the primary by its own doing.
#
# redis.conf keeps what Sentinel decided across a restart of this container (CONFIG REWRITE): the mark in the port of
# that address says whether this Redis was the primary when it stopped (2) or not (1).
set -eu
. "${0%/*}/topology.sh"

conf=$DATA/redis.conf

former_role() {
  [ -s "$conf" ] || { echo 1; return; }
  mark=2
  while read -r word address port; do
    [ "$word" = replicaof ] || continue
    mark=1
    [ "$address $port" != '127.0.0.1 2' ] || mark=2
  done <"$conf"
  echo "$mark"
}

write_conf() {
  mark=$1
  password=$(quoted_password)
  {
    cat <<END
bind $POD_IP
port $REDIS_PORT
protected-mode no
dir $DATA
requirepass $password
masterauth $password
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
repl-backlog-size 8mb
hash-max-listpack-value 512
repl-diskless-sync-delay 0
END
    [ -z "${MAXMEMORY:-}" ] || echo "maxmemory $MAXMEMORY"
    if [ "$MODE" = Sentinel ]; then
      cat <<END
replica-announce-ip $POD_IP
min-replicas-to-write 1
min-replicas-max-lag 10
replicaof 127.0.0.1 $mark
END
    fi
  } >"$conf.new"
  mv "$conf.new" "$conf"
}

# The Sentinels may take our address for the primary's while we hold none of its data. Then stay away until they have
# elected a replica that does: they notice a primary that is down much sooner than one that has become a replica.
stay_away() {
  tries=0
  while [ "$tries" -lt 30 ]; do
    primary=$(elected)
    [ "${primary% *}" = "$POD_IP" ] || return 0
    tries=$((tries + 1))
    sleep 1
  done
}

mark=$(former_role)
if [ "$MODE" = Sentinel ] && [ "$mark" = 1 ]; then stay_away; fi
write_conf "$mark"
[ "$MODE" != Sentinel ] || sh "$scripts/follow.sh" &
serve redis-server "$conf"
