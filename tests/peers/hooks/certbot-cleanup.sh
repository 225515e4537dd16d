#!/bin/sh
# For certbot's --manual-cleanup-hook.
set -eu
echo "cleanup $CERTBOT_DOMAIN output=$CERTBOT_AUTH_OUTPUT" >>calls
if [ -n "${CERTBOT_TOKEN-}" ]; then
  rm "web/$CERTBOT_AUTH_OUTPUT"
else
  ./txt-tool cleanup "$CERTBOT_AUTH_OUTPUT" "$CERTBOT_VALIDATION"
fi
