#!/bin/sh
# For lego's provider exec with EXEC_MODE=RAW: present|cleanup -- DOMAIN TOKEN KEYAUTH
set -eu
echo "$* mode=${EXEC_MODE-none}" >>calls
test "$2" = --
value=$(printf %s "$5" | openssl dgst -sha256 -binary | base64 | tr '/+' '_-' | tr -d =)
exec ./txt-tool "$1" "_acme-challenge.$3" "$value"
