#!/bin/sh
# For lego's provider exec: present|cleanup NAME. VALUE
set -eu
echo "$* mode=${EXEC_MODE-none}" >>calls
case $2 in
*.) exec ./txt-tool "$1" "${2%.}" "$3" ;;
esac
echo "the name $2 has no final dot" >&2
exit 1
