#!/bin/sh
# present|cleanup NAME VALUE
echo "$*" >>calls
exec ./txt-tool "$@"
