#!/bin/sh
# Installs from Debian what the cluster and the tests need and this machine lacks. Silent when nothing is missing.
set -eu

missing=''
# want COMMAND PACKAGE: the package is wanted when the command is on no usual path.
want() {
  PATH="$PATH:/usr/sbin:/sbin:/usr/lib/cni" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
want redis-server redis-server
want redis-sentinel redis-sentinel
want busybox busybox-static
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || [ -n "${CHROMIUM_PATH:-}" ] || missing="$missing chromium"
want containerd containerd
want runc runc
want conntrack conntrack
# The product spec's own load commands (test/cluster/spec-commands.test.ts).
want hey hey
want ab apache2-utils
want nft nftables
want ip iproute2
want iptables iptables
[ -x /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"

missing=$(printf '%s\n' $missing | sort -u | xargs)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "missing on this machine: $missing" >&2
  echo "install them (on Debian or Ubuntu: sudo apt-get install -y $missing) and run this again;" >&2
  echo "what can run without them goes on, and what cannot says so" >&2
  exit 0
fi

echo "apt-get: installing $missing"
log=$(mktemp)
# A Redis server of the system's own would take port 6379 and is not wanted: only its programs are.
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get failed; its whole log: $log" >&2
  exit 1
fi
rm -f "$log"
