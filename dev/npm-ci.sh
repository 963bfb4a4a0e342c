#!/bin/sh
# npm ci, with a word on what is missing. Node 24 itself comes from npm (package `node`): any npm will do to get it.
set -eu
if ! command -v npm >/dev/null 2>&1; then
  echo "npm is missing: install Node.js with npm (any version from 20; on Debian: apt-get install -y nodejs npm)" >&2
  exit 1
fi
echo "npm ci: installing the locked packages (first time: about half a minute)"
npm ci --no-audit --no-fund --loglevel=error
touch node_modules/.package-lock.json
