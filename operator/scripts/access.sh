# Sourced by topology.sh: how the scripts speak with Redis and Sentinel, whatever password these accept just now. Only
# POSIX sh, redis-cli and the few programs that busybox has too (cat, head, mv, sed, sha256sum, sleep, timeout).
#
# The Secret is mounted as three files, and Kubernetes replaces them while the containers run:
#   password    what clients use now
#   accepted    what servers accept, one a line: two while a password is rotated
#   generation  grows with each change of `password`; read by the sidecars only
# A password, or its hash, is never an argument: redis-cli takes the password from REDISCLI_AUTH and commands that hold
# one from its standard input, the servers take theirs from files that only they read.
#
# Redis and Sentinel know two users with the same passwords: `default` for the apps' sidecars and the operator, and one
# that bears the name of this cluster's primary for all that the pods say to each other. So two clusters that share a
# password never take each other's pods for their own when addresses pass from one to the other.

: "${PASSWORD_FILE:=/run/secrets/hyperpage/redis/password}" "${TLS_DIR:=/run/secrets/hyperpage/redis-tls}"
newline='
'
password=
accepted=
former=
export REDISCLI_AUTH

# How redis-cli speaks TLS. It verifies the chain and no name, since the scripts know addresses only. Our own server may
# still show a certificate of a former authority; nobody else can listen on our address.
tls=
tls_own=
if [ "${TLS:-}" = yes ]; then
  tls="--tls --cacert $TLS_DIR/ca.crt"
  tls_own='--tls --insecure'
fi

# read_passwords: takes what the mount holds now, and keeps the last few that it held before in `former`: a server that
# has not heard of the change still wants one of those.
read_passwords() {
  mounted_password=$(cat "$PASSWORD_FILE") || return 0
  mounted_accepted=$(cat "${PASSWORD_FILE%/*}/accepted" 2>/dev/null) || mounted_accepted=$mounted_password
  [ "$mounted_password$newline$mounted_accepted" != "$password$newline$accepted" ] || return 0
  former=$(printf '%s\n%s\n%s\n' "$password" "$accepted" "$former" | head -n 8)
  password=$mounted_password
  accepted=$mounted_accepted
}
read_passwords

# quoted TEXT: as a quoted word of redis.conf and of redis-cli's standard input.
quoted() {
  printf '"%s"' "$(printf %s "$1" | LC_ALL=C sed 's/[\\"]/\\&/g')"
}

# acl_rules: what both users may do (anything) and by which passwords.
acl_rules() {
  printf 'on ~* &* +@all'
  printf '%s\n%s\n' "$password" "$accepted" | while IFS= read -r each; do
    [ -n "$each" ] || continue
    hash=$(printf %s "$each" | sha256sum)
    printf ' #%s' "${hash%% *}"
  done
}

# conf_lines PORT: the lines that redis.conf and sentinel.conf share: where to listen, and to whom.
conf_lines() {
  rules=$(acl_rules)
  cat <<END
bind $POD_IP
protected-mode no
dir $DATA
user default $rules
user $PRIMARY_NAME $rules
END
  if [ "${TLS:-}" != yes ]; then
    echo "port $1"
    return
  fi
  cat <<END
port 0
tls-port $1
tls-replication yes
tls-auth-clients no
tls-cert-file $TLS_DIR/tls.crt
tls-key-file $TLS_DIR/tls.key
tls-ca-cert-file $TLS_DIR/ca.crt
END
}

# ask SECONDS LINES HOST PORT [COMMAND…]: the answer to a command, or to each of the LINES when there is none. Tries the
# passwords one after the other while they are refused; a refused command was not done, so asking again does no harm.
ask() (
  limit=$1 lines=$2 host=$3 port=$4
  shift 4
  flags=$tls
  [ "$host" != "$POD_IP" ] || flags=$tls_own
  tried=$newline answer=
  set -f
  IFS=$newline
  for REDISCLI_AUTH in $password $accepted $former; do
    IFS=' '
    case $tried in *"$newline$REDISCLI_AUTH$newline"*) continue ;; esac
    tried=$tried$REDISCLI_AUTH$newline
    # shellcheck disable=SC2086
    answer=$(printf '%s\n' "$lines" |
      timeout "$limit" redis-cli -h "$host" -p "$port" --user "$PRIMARY_NAME" $flags "$@" 2>/dev/null) &&
      status=0 || status=$?
    case $answer in NOAUTH* | WRONGPASS*) continue ;; esac
    # Anything else than an answer or the end of our patience may be how a refusal looks.
    case $status in 0 | 124 | 143) break ;; esac
  done
  [ -z "$answer" ] || printf '%s\n' "$answer"
)

# query HOST PORT COMMAND…: the answer, or nothing after two seconds.
query() {
  ask 2 '' "$@"
}

# order PORT LINES: gives our own server these commands, one a line. True when it answered OK to each.
order() {
  [ "$(ask 5 "$2" "$POD_IP" "$1")" = "$(printf '%s\n' "$2" | LC_ALL=C sed 's/.*/OK/')" ]
}
