#!/usr/bin/env bash
# For dehydrated's --hook: OPERATION [DOMAIN TOKEN VALUE]
set -eu

deploy_challenge() {
  local domain=$1 token=$2 value=$3
  if [[ $value == "$token".* ]]; then
    printf %s "$value" >"web/$token"
  else
    ./txt-tool present "_acme-challenge.$domain" "$value"
  fi
}

clean_challenge() {
  local domain=$1 token=$2 value=$3
  if [[ $value == "$token".* ]]; then
    rm "web/$token"
  else
    ./txt-tool cleanup "_acme-challenge.$domain" "$value"
  fi
}

operation=$1
shift
echo "$operation $*" >>calls
case $operation in
deploy_challenge | clean_challenge) "$operation" "$@" ;;
esac
