#!/bin/sh
# For certbot's --manual-auth-hook. What it writes to standard output comes back to the other hook.
set -eu
echo "auth $CERTBOT_DOMAIN remaining=$CERTBOT_REMAINING_CHALLENGES all=$CERTBOT_ALL_DOMAINS" >>calls
if [ -n "${CERTBOT_TOKEN-}" ]; then
  printf %s "$CERTBOT_VALIDATION" >"web/$CERTBOT_TOKEN"
  echo "$CERTBOT_TOKEN"
else
  ./txt-tool present "_acme-challenge.$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION"
  echo "_acme-challenge.$CERTBOT_DOMAIN"
fi
