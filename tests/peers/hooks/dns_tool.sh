#!/usr/bin/env sh
# For acme.sh: dns_tool_add and dns_tool_rm, which get the name and the value of a record.

dns_tool_add() {
  fulldomain=$1
  txtvalue=$2
  Tool_User="${Tool_User:-$(_readaccountconf_mutable Tool_User)}"
  if [ -z "$Tool_User" ]; then
    _err "Tool_User is not set"
    return 1
  fi
  _saveaccountconf_mutable Tool_User "$Tool_User"
  _tool_edit present
}

dns_tool_rm() {
  fulldomain=$1
  txtvalue=$2
  _tool_edit cleanup
}

_tool_edit() {
  _info "$1" "$fulldomain"
  if ! _startswith "$fulldomain" "_acme-challenge" || _endswith "$fulldomain" "[.]"; then
    _err "not a name of a record" "$fulldomain"
    return 1
  fi
  echo "$1 $fulldomain $txtvalue" >>calls
  ./txt-tool "$1" "$fulldomain" "$txtvalue"
}
