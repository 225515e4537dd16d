#!/usr/bin/env sh
# For acme.sh: edits the resolver of acme-testca through its interface over HTTPS. The test puts in ORIGIN and ROOT.

dns_api_add() {
  _api_edit set-txt "$1" "$2"
}

dns_api_rm() {
  _api_edit clear-txt "$1" "$2"
}

_api_edit() {
  export CURL_CA_BUNDLE="ROOT"
  export _H1="Accept: application/json"
  export _H2='X-Quoted: a "quoted" \ word'
  directory=$(_get "ORIGIN/directory" "" 10 | _normalizeJson)
  if ! _contains "$directory" '"newOrder":"https'; then
    _err "no directory" "$directory"
    return 1
  fi
  head=$(_get "ORIGIN/directory" onlyheader)
  if ! _contains "$head" "200"; then
    _err "no header" "$head"
    return 1
  fi
  if ! _post "{\"host\": \"$2\", \"value\": \"$3\"}" "ORIGIN/management/$1" "" POST application/json >/dev/null; then
    _err "the interface does not answer"
    return 1
  fi
  if ! grep -q "^HTTP/.* 2" "$HTTP_HEADER"; then
    _err "$1 is refused" "$(head -n 1 "$HTTP_HEADER")"
    return 1
  fi
}
