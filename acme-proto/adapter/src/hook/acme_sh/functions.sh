# Functions that scripts of acme.sh's dnsapi call, for any POSIX shell. Run as `sh -c TEXT NAME SCRIPT FUNCTION RECORD VALUE`.

# What bash prints for a command that does not exist, in every language.
command_not_found_handle() {
  printf '%s: not found\n' "$1" >&2
  return 127
}

# Messages: a title, and a value of its own.

__say() {
  case $# in
  0 | 1) printf '%s\n' "${1-}" ;;
  *) printf '%s=%s\n' "$1" "$2" ;;
  esac
}

_info() { __say "$@"; }

_err() {
  __say "$@" >&2
  return 1
}

__debug() {
  __level=$1
  shift
  case ${DEBUG:-0} in
  *[!0-9]*) return 0 ;;
  esac
  if [ "${DEBUG:-0}" -ge "$__level" ]; then __say "$@" >&2; fi
}

_debug() { __debug 1 "$@"; }
_debug2() { __debug 2 "$@"; }
_debug3() { __debug 3 "$@"; }
_secure_debug() { __debug 1 "${1-}" '(hidden)'; }
_secure_debug2() { __debug 2 "${1-}" '(hidden)'; }
_secure_debug3() { __debug 3 "${1-}" '(hidden)'; }

# Texts. The second argument of these three is a basic regular expression.

_contains() { printf '%s\n' "$1" | grep -q -e "$2"; }
_startswith() { printf '%s\n' "$1" | grep -q -e "^$2"; }
_endswith() { printf '%s\n' "$1" | grep -q -e "$2\$"; }

_egrep_o() { grep -E -o -e "$1"; }
_head_n() { head -n "$1"; }
_tail_n() { tail -n "$1"; }
_lower_case() { tr '[:upper:]' '[:lower:]'; }
_upper_case() { tr '[:lower:]' '[:upper:]'; }
_getfield() { printf '%s\n' "$1" | cut -d "${3:-,}" -f "$2"; }

# EXPRESSION FILE
_sed_i() {
  __changed=$(sed "$1" "$2") || return 1
  printf '%s\n' "$__changed" >"$2"
}

# Joins the lines, and takes the spaces out around the colon before a string, an object or an array.
_normalizeJson() {
  tr -d '\r\n' | sed 's/"[[:space:]]*:[[:space:]]*\(["{[]\)/":\1/g'
}

# Numbers, operators and parentheses only: a shell would run more than that.
_math() {
  __expression="$*"
  case $__expression in
  *[!0-9\ +*/%\(\)-]*)
    _err "_math: not a calculation: $__expression"
    return 1
    ;;
  esac
  printf '%s\n' "$(($__expression))"
}

_idn() {
  case $1 in
  *[!a-zA-Z0-9._*-]*) idn --quiet "$1" ;;
  *) printf '%s\n' "$1" ;;
  esac
}

_exists() { command -v "$1" >/dev/null 2>&1; }
_sleep() { sleep "$1"; }
_time() { date -u +%s; }
_utc_date() { date -u '+%Y-%m-%d %H:%M:%S'; }

# Encodings, from standard input to standard output.

# With an argument, on several lines.
_base64() {
  if [ $# -gt 0 ] && [ -n "$1" ]; then base64; else base64 | tr -d '\r\n'; fi
}

_dbase64() { base64 -d; }
_url_replace() { tr '/+' '_-' | tr -d '= \r\n'; }
_hex_dump() { od -A n -v -t x1; }

# Two digits at a time, as the octets that they stand for.
_h2b() {
  for __octet in $(tr -d ' \r\n' | sed 's/../& /g'); do
    # shellcheck disable=SC2059
    printf "\\$(printf '%03o' "0x$__octet")"
  done
}

# Every octet but letters, digits and `-._~` becomes a percent sign with two digits, capitals with `upper-hex`.
_url_encode() {
  case ${1-} in
  upper-hex) __digits=_upper_case ;;
  *) __digits=cat ;;
  esac
  for __octet in $(od -A n -v -t x1 | $__digits); do
    case $__octet in
    2[dDeE] | 3[0-9] | 4[1-9a-fA-F] | 5[0-9aAfF] | 6[1-9a-fA-F] | 7[0-9aAeE])
      # shellcheck disable=SC2059
      printf "\\$(printf '%03o' "0x$__octet")"
      ;;
    *) printf '%%%s' "$__octet" ;;
    esac
  done
}

# ALGORITHM [hex]: in base64 unless hexadecimal digits are wanted.
_digest() {
  if [ -n "${2-}" ]; then
    openssl dgst "-$1" -r | cut -d ' ' -f 1
  else
    openssl dgst "-$1" -binary | _base64
  fi
}

# ALGORITHM KEY [hex]: the key in hexadecimal digits; the octets themselves unless digits are wanted.
_hmac() {
  if [ -n "${3-}" ]; then
    openssl dgst "-$1" -mac HMAC -macopt "hexkey:$2" -r | cut -d ' ' -f 1
  else
    openssl dgst "-$1" -mac HMAC -macopt "hexkey:$2" -binary
  fi
}

# Values that are kept, in the file that ACCOUNT_CONF_PATH names: lines such as KEY='VALUE'.

__is_key() {
  case $1 in
  '' | *[!A-Za-z0-9_]*)
    _err "not a name of a value: $1"
    return 1
    ;;
  esac
}

_readaccountconf() {
  __is_key "$1" || return 1
  [ -n "${ACCOUNT_CONF_PATH-}" ] && [ -f "$ACCOUNT_CONF_PATH" ] || return 0
  sed -n "s/^$1='\\(.*\\)'\$/\\1/p" "$ACCOUNT_CONF_PATH" | tail -n 1
}

# Writes the file without a key, and with a line in its place if there is one.
__change() {
  __is_key "$1" || return 1
  [ -n "${ACCOUNT_CONF_PATH-}" ] || return 0
  __new=$(umask 077 && mktemp "$ACCOUNT_CONF_PATH.XXXXXX") || return 1
  if [ -f "$ACCOUNT_CONF_PATH" ]; then grep -v "^$1=" "$ACCOUNT_CONF_PATH" >"$__new"; fi
  if [ $# -gt 1 ]; then printf '%s\n' "$2" >>"$__new"; fi
  mv -f "$__new" "$ACCOUNT_CONF_PATH"
}

_saveaccountconf() {
  case ${2-} in
  *"'"* | *'
'*)
    _err "the value of $1 has a quote or a line break, so that it cannot be kept"
    return 1
    ;;
  esac
  if [ "$(_readaccountconf "$1")" != "${2-}" ]; then __change "$1" "$1='${2-}'"; fi
}

_clearaccountconf() { __change "$1"; }
_readaccountconf_mutable() { _readaccountconf "SAVED_$1"; }
_saveaccountconf_mutable() { _saveaccountconf "SAVED_$1" "${2-}"; }
_clearaccountconf_mutable() { _clearaccountconf "SAVED_$1"; }

# HTTP. What curl is asked comes through a pipe, because others can read its arguments.

# NAME VALUE, as a line of curl's configuration.
__option() {
  printf '%s = "' "$1"
  printf '%s\n' "$2" | sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g' | tr -d '\r' |
    awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
  printf '"\n'
}

# METHOD URL [TYPE [BODY]]
__request() {
  printf 'silent\nshow-error\n'
  if [ -z "${ACME_HTTP_NO_REDIRECTS-}" ]; then printf 'location\n'; fi
  if [ -n "${HTTPS_INSECURE-}" ]; then printf 'insecure\n'; fi
  __option user-agent "${USER_AGENT:-acme-hook}"
  for __header in "${_H1-}" "${_H2-}" "${_H3-}" "${_H4-}" "${_H5-}"; do
    if [ -n "$__header" ]; then __option header "$__header"; fi
  done
  if [ -n "${3-}" ]; then __option header "Content-Type: $3"; fi
  case $1 in
  GET) ;;
  HEAD) printf 'head\n' ;;
  *)
    __option request "$1"
    __option data-raw "${4-}"
    ;;
  esac
  __option url "$2"
}

__curl() {
  if ! _exists curl; then
    _err 'this script needs curl: install it'
    return 1
  fi
  curl --config - --dump-header "$HTTP_HEADER" "$@"
}

# URL [onlyheader [SECONDS]]
_get() {
  if [ -n "${2-}" ]; then
    __request HEAD "$1" | __curl --max-time "${3:-60}"
  else
    __request GET "$1" | __curl --max-time "${3:-60}"
  fi
}

# BODY URL [needbase64 [METHOD [TYPE]]]
_post() {
  if [ -n "${3-}" ]; then
    __request "${4:-POST}" "$2" "${5-}" "$1" | __curl | _base64
  else
    __request "${4:-POST}" "$2" "${5-}" "$1" | __curl
  fi
}

# The script reads the header of a response from this file.
__dir=$(umask 077 && mktemp -d) || exit 1
trap 'rm -rf "$__dir"' EXIT
trap 'exit 1' HUP INT TERM
HTTP_HEADER=$__dir/http.header
export HTTP_HEADER
: >"$HTTP_HEADER"

__function=$2 __record=$3 __value=$4
. "$1"
if ! command -v "$__function" >/dev/null; then
  _err "$1 defines no function $__function"
  exit 1
fi
"$__function" "$__record" "$__value"
