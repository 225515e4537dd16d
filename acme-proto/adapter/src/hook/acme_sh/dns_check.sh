#!/usr/bin/env sh
# A script of acme.sh's kind that uses its functions, and writes what differs from what acme.sh's return to standard error.

dns_check_add() {
  fulldomain=$1
  txtvalue=$2
  failed=

  same 'arguments' "_acme-challenge.a.test $CHECK_VALUE" "$fulldomain $txtvalue"
  for text in '{"success":true}' '[{"id":"5"}]'; do
    _contains "$text" '[":]' || failed="$failed _contains"
    _contains "$text" 'nothing' && failed="$failed _contains"
  done
  _contains '-a-b' '-a' || failed="$failed _contains(-)"
  _startswith 'abc' 'ab' || failed="$failed _startswith"
  _startswith 'abc' 'bc' && failed="$failed _startswith"
  _endswith 'abc' 'bc' || failed="$failed _endswith"
  _endswith 'abc' 'ab' && failed="$failed _endswith"
  same _egrep_o '"id":12' "$(echo '{"id":12,"x":1}' | _egrep_o '"id":[0-9]+')"
  same _head_n 'a' "$(printf 'a\nb\n' | _head_n 1)"
  same _tail_n 'b' "$(printf 'a\nb\n' | _tail_n 1)"
  same _lower_case 'abc1' "$(echo 'ABC1' | _lower_case)"
  same _upper_case 'ABC1' "$(echo 'abc1' | _upper_case)"
  same _getfield 'b' "$(_getfield 'a,b,c' 2)"
  same '_getfield with a separator' 'c' "$(_getfield 'a|b|c' 3 '|')"
  same _math '7' "$(_math 1 + 2 '*' 3)"
  same '_math with parentheses' '9' "$(_math '(' 1 + 2 ')' '*' 3)"
  same '_getfield before an empty one' 'a' "$(_getfield 'a,,c' 2)"
  same '_getfield beyond the last one' 'c' "$(_getfield 'a,b,c' 9)"
  same '_getfield of nothing' ',,' "$(_getfield ',,' 2)"
  _math 'x[$(touch injected)]' 2>/dev/null && failed="$failed _math"
  same _normalizeJson '{"a":"b","c":[1],"d": 5}' "$(printf '{"a" : "b",\n"c": [1],"d": 5}' | _normalizeJson)"
  same '_normalizeJson of indented lines' '{"a":"b","c":[1,2]}' "$(printf '{\n  "a": "b",\n  "c": [\r\n    1,\n    2\n  ]\n}\n' | _normalizeJson)"
  same _idn 'a.test' "$(_idn a.test)"
  _exists sh || failed="$failed _exists"
  _exists no-such-program && failed="$failed _exists"
  same _base64 'YWJj' "$(printf abc | _base64)"
  same _dbase64 'abc' "$(printf YWJj | _dbase64)"
  same _url_replace 'a-b_c' "$(echo 'a+b/c==' | _url_replace)"
  same _url_encode 'a-b.c_d~%20%2f%3d%c3%a9' "$(printf 'a-b.c_d~ /=é' | _url_encode)"
  same '_url_encode upper-hex' 'Zz09%2F' "$(printf 'Zz09/' | _url_encode upper-hex)"
  same _hex_dump '616263' "$(printf abc | _hex_dump | tr -d ' ')"
  same '_hex_dump of many octets' '6162636465666768696a6b6c6d6e6f70717273' "$(printf abcdefghijklmnopqrs | _hex_dump | tr -d ' ')"
  same '_hex_dump with spaces' ' 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71' "$(printf abcdefghijklmnopq | _hex_dump)"
  same _h2b 'abc' "$(printf 616263 | _h2b)"
  if _exists openssl; then
    same '_digest hex' 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' "$(printf abc | _digest sha256 hex)"
    same _digest 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=' "$(printf abc | _digest sha256)"
    same '_hmac hex' '9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab' "$(printf abc | _hmac sha256 6b6579 hex)"
    same _hmac 'nBluMtwBdfhvSxy4konWYZ3mvuaZ5MN45oMJ7Zehpqs=' "$(printf abc | _hmac sha256 6b6579 | _base64)"
    # The sixth test of RFC 4231 Section 4.7: a key of 131 octets.
    key=$(printf '%0131d' 0 | sed 's/0/aa/g')
    text='Test Using Larger Than Block-Size Key - Hash Key First'
    same '_hmac of a long key' '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54' "$(printf '%s' "$text" | _hmac sha256 "$key" hex)"
    same '_hmac of another block' '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598' "$(printf '%s' "$text" | _hmac sha512 "$key" hex)"
  fi
  printf 'one\ntwo\n' >"$CHECK_DIR/text"
  _sed_i 's/two/2/' "$CHECK_DIR/text"
  same _sed_i 'one 2' "$(tr '\n' ' ' <"$CHECK_DIR/text" | sed 's/ $//')"
  case $(_time) in *[!0-9]* | '') failed="$failed _time" ;; esac
  _sleep 0

  same 'what acme.sh has kept' 'old token' "$(_readaccountconf_mutable Check_Token)"
  _saveaccountconf_mutable Check_Token "$CHECK_TOKEN"
  same _readaccountconf_mutable "$CHECK_TOKEN" "$(_readaccountconf_mutable Check_Token)"
  _saveaccountconf Check_User me
  _clearaccountconf Check_Other
  same _clearaccountconf '' "$(_readaccountconf Check_Other)"
  _saveaccountconf 'a.b' x 2>/dev/null && failed="$failed _saveaccountconf"

  _saveaccountconf_mutable Check_Lines "it's
two" base64
  same '_saveaccountconf_mutable base64' "it's
two" "$(_readaccountconf_mutable Check_Lines)"
  same 'the stored form of it' "__ACME_BASE64__START_aXQncwp0d28=__ACME_BASE64__END_" "$(sed -n "s/^SAVED_Check_Lines='\(.*\)'/\1/p" "$ACCOUNT_CONF_PATH")"
  _clearaccountconf_mutable Check_Lines

  same 'what is kept of a certificate' 'old zone' "$(_readdomainconf Check_Zone)"
  same 'a variable of it' 'old zone' "$Check_Zone"
  _savedomainconf Check_Zone "it's new" base64
  same _savedomainconf "it's new" "$(_readdomainconf Check_Zone)"
  _savedomainconf Check_Id 5
  _cleardomainconf Check_Gone
  same _cleardomainconf '' "$(_readdomainconf Check_Gone)"
  same 'the other file' '' "$(_readaccountconf Check_Id)"

  same _json_encode 'a\"b\\c\td\r\ne' "$(printf 'a"b\\c\td\r\ne\n' | _json_encode)"
  same '_json_encode of one line' 'x' "$(printf x | _json_encode)"
  same '_json_encode of nothing' '' "$(printf '' | _json_encode)"

  # Without curl itself: what it is asked.
  curl() { cat; }
  body="a	\"\\\\$(printf '\r')
"
  export _H1="X-Own: value$(printf '\r')"
  asked=$(_post "$body" 'https://a.test/?b[]={1}')
  same 'a header' 'header = "X-Own: value"' "$(echo "$asked" | grep X-Own)"
  same 'a body' 'data-raw = "a\t\"\\\\\r\n"' "$(printf '%s\n' "$asked" | grep data-raw)"
  same 'a URL' 'globoff url = "https://a.test/?b[]={1}"' "$(echo $(printf '%s\n' "$asked" | grep -e globoff -e '^url'))"
  unset -f curl

  # Without wget itself: what it is asked, where there is no curl.
  _exists() { [ "$1" != curl ]; }
  wget() {
    printf 'http://a.test/\n  HTTP/1.1 404 Not Found\n  X-Their: v\n2027-01-01 ERROR 404: Not Found.\n' >&2
    cat "${1#--config=}" "$__dir/url"
    if [ -f "$__dir/body" ]; then cat "$__dir/body"; fi
    return 8
  }
  asked=$(_post "$body" 'https://a.test/?b[]={1}' '' PUT text/plain) || failed="$failed wget"
  same 'a header for wget' 'header = X-Own: value' "$(echo "$asked" | grep X-Own)"
  same 'a type for wget' 'header = Content-Type: text/plain' "$(echo "$asked" | grep Type)"
  same 'a method for wget' 'method = PUT' "$(echo "$asked" | grep method)"
  same 'a URL for wget' 'https://a.test/?b[]={1}' "$(echo "$asked" | grep '^https')"
  same 'a body for wget' "${body}x" "$(cat "$__dir/body" && echo x)"
  same 'a header from wget' 'HTTP/1.1 404 Not Found X-Their: v' "$(echo $(cat "$HTTP_HEADER"))"
  same 'a header alone' 'X-Their: v' "$(_get https://a.test/ onlyheader | grep Their)"
  wget() {
    echo 'failed: Connection refused.' >&2
    return 4
  }
  _get https://a.test/ 2>/dev/null && failed="$failed wget(4)"
  unset -f wget

  _info 'adding' "$fulldomain"
  _debug response x
  _secure_debug token "$CHECK_TOKEN"
  if [ -n "$failed" ]; then
    _err "differs:$failed"
    return 1
  fi
}

dns_check_rm() {
  _err "no such record" "$1"
}

same() {
  if [ "$2" != "$3" ]; then failed="$failed $1($3)"; fi
}
