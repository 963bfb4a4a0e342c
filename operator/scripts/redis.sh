#!/bin/sh
# Starts Redis. Mode Standalone: as the primary that it is. Mode Sentinel: always *unassigned*, as a replica of an
# address where nobody listens, so never writable; then follow.sh finds out whose replica it is. So a pod that comes
# back, empty or not, can never be taken for the primary by its own doing. Nor can Sentinel elect it: its priority is 0
# until follow.sh has seen it synchronised.
#
# redis.conf keeps what Sentinel decided across a restart of this container (CONFIG REWRITE): the mark in the port of
# that address says whether this Redis was the primary when it stopped (2) or not (1). A Redis that mode Standalone left
# behind was the primary.
set -eu
. "${0%/*}/topology.sh"
. "$scripts/mounts.sh"

conf=$DATA/redis.conf
settings=$scripts/settings.conf
# Seconds that a failover may take, from when its primary is back: down-after and an election.
FAILOVER_S=13
# Seconds after which Sentinels that name us are taken at their word.
PATIENCE_S=30

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

# syncs_always FILE: true when it has Redis acknowledge only what is on disk.
syncs_always() {
  last=
  while read -r word value || [ -n "$word" ]; do
    [ "$word" != appendfsync ] || last=$value
  done <"$1"
  [ "$last" = always ]
}

# holds_all: true when the file of a Redis that was the primary holds all that it ever acknowledged, even if it crashed.
holds_all() {
  [ -s "$settings" ] && syncs_always "$settings" && syncs_always "$conf"
}

# What the operator also changes while Redis runs, by CONFIG SET.
setting_lines() {
  if [ -s "$settings" ]; then
    cat "$settings"
    echo
    return
  fi
  echo 'appendfsync everysec'
  [ -z "${MAXMEMORY:-}" ] || echo "maxmemory $MAXMEMORY"
  [ "$MODE" != Sentinel ] || printf 'min-replicas-to-write 1\nmin-replicas-max-lag 10\n'
}

write_conf() {
  {
    cat <<END
maxmemory-policy noeviction
repl-backlog-size 8mb
hash-max-listpack-value 512
repl-diskless-sync-delay 0
END
    setting_lines
    conf_lines "$REDIS_PORT"
    cat <<END
masteruser $PRIMARY_NAME
masterauth $(quoted "$password")
appendonly yes
save ""
END
    if [ "$MODE" = Sentinel ]; then
      cat <<END
replica-announce-ip $POD_IP
replica-priority 0
replicaof 127.0.0.1 $mark
END
    fi
  } >"$conf.new"
  mv "$conf.new" "$conf"
}

# The Sentinels may take our address for the primary's while we hold none of its data. Then stay away until they have
# elected a replica that does: they notice a primary that is down much sooner than one that has become a replica.
stay_away() {
  end=$(($(uptime_s) + PATIENCE_S))
  while [ "$(uptime_s)" -lt "$end" ]; do
    primary=$(elected)
    [ "${primary% *}" = "$POD_IP" ] || return 0
    sleep 1
    read_passwords
  done
}

# The primary crashed, and may have acknowledged what its file lacks and its replicas have. Then stay away until one of
# them was elected, and take up again only when none was: all of them were down too.
give_way() {
  end=$(($(uptime_s) + FAILOVER_S))
  while [ "$(uptime_s)" -lt "$end" ]; do
    ! unwatched || return 0
    primary=$(elected)
    # Who does not answer may be ourselves, at the address that we had before.
    if [ -n "$primary" ] && [ "${primary% *}" != "$POD_IP" ] && is_primary "${primary% *}" "${primary#* }"; then
      mark=1
      return 0
    fi
    sleep 1
    read_passwords
  done
}

apply_passwords() {
  set_users "$REDIS_PORT" &&
    order "$REDIS_PORT" "config set masteruser $PRIMARY_NAME masterauth $(quoted "$password")"
}

# Redis reads the files again although their names are the same.
apply_certificates() {
  order "$REDIS_PORT" "config set tls-cert-file $TLS_DIR/tls.crt tls-key-file $TLS_DIR/tls.key \
tls-ca-cert-file $TLS_DIR/ca.crt"
}

mark=$(former_role)
if [ "$MODE" = Sentinel ]; then
  if [ "$mark" = 1 ]; then stay_away; elif ! holds_all; then give_way; fi
fi
read_passwords
before=$(certificates)
write_conf
follow_mounts "$REDIS_PORT" "$before" &
[ "$MODE" != Sentinel ] || sh "$scripts/follow.sh" &
serve redis-server "$conf" || exit $?
