# Sourced by redis.sh and sentinel.sh: brings passwords and certificates of the running server up to date whenever
# Kubernetes replaces the mounted files. Who sources it says how, by `apply_passwords` and `apply_certificates`: each
# may be called again at any time, and is until it succeeds.
# shellcheck disable=SC2154

# Seconds between two looks at the mount.
MOUNT_POLL_S=2

# set_users PORT: what our own server accepts from now on. `reset` takes effect only together with what follows it.
set_users() {
  rules=$(acl_rules)
  order "$1" "acl setuser default reset $rules${newline}acl setuser $PRIMARY_NAME reset $rules"
}

# certificates: a fingerprint of the mounted certificates.
certificates() {
  [ "${TLS:-}" != yes ] || cat "$TLS_DIR/tls.crt" "$TLS_DIR/tls.key" "$TLS_DIR/ca.crt" 2>/dev/null | sha256sum
}

# certificates_load PORT: true when the mounted files can be used: complete, and the key belongs to the certificate.
certificates_load() {
  [ -n "$(timeout 2 redis-cli -h "$POD_IP" -p "$1" --tls --insecure --cacert "$TLS_DIR/ca.crt" \
    --cert "$TLS_DIR/tls.crt" --key "$TLS_DIR/tls.key" ping 2>/dev/null)" ]
}

# follow_mounts PORT CERTIFICATES: for as long as the container lives. CERTIFICATES: the fingerprint before the server
# started.
follow_mounts() {
  set +e
  applied=
  loaded=$2
  while sleep "$MOUNT_POLL_S"; do
    read_passwords
    stands="$password$newline$accepted"
    if [ "$stands" != "$applied" ] && apply_passwords; then applied=$stands; fi
    mounted=$(certificates)
    if [ "$mounted" != "$loaded" ] && certificates_load "$1" && apply_certificates; then loaded=$mounted; fi
  done
}
