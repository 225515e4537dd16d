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

__CR=$(printf '\r')

# Texts. The second argument of these three is a basic regular expression.

_contains() { printf '%s\n' "$1" | grep -q -e "$2"; }
_startswith() { printf '%s\n' "$1" | grep -q -e "^$2"; }
_endswith() { printf '%s\n' "$1" | grep -q -e "$2\$"; }

_egrep_o() { grep -E -o -e "$1"; }
_head_n() { head -n "$1"; }
_tail_n() { tail -n "$1"; }
_lower_case() { tr '[:upper:]' '[:lower:]'; }
_upper_case() { tr '[:lower:]' '[:upper:]'; }

# TEXT NUMBER [SEPARATOR]: an empty field is the one before it, and the whole text if there is none.
_getfield() {
  __number=$2 __field=
  while [ -z "$__field" ] && [ "$__number" -gt 0 ]; do
    __field=$(printf '%s\n' "$1" | cut -d "${3:-,}" -f "$__number")
    __number=$((__number - 1))
  done
  printf '%s\n' "${__field:-$1}"
}

# EXPRESSION FILE
_sed_i() {
  __changed=$(sed "$1" "$2") || return 1
  printf '%s\n' "$__changed" >"$2"
}

# Joins the lines without their indentation, and takes the spaces out around the colon before a string, an object or an
# array.
_normalizeJson() {
  sed 's/^[[:space:]]*//' | tr -d '\r\n' | sed 's/"[[:space:]]*:[[:space:]]*\(["{[]\)/":\1/g'
}

# The text as the inside of a string of JSON, on one line.
_json_encode() {
  sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g; s/'"$__CR"'/\\r/g' |
    awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
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

# One line without its end: a space, and two digits, for each octet.
_hex_dump() { od -A n -v -t x1 | tr -d '\r\t\n' | tr -s ' '; }

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

# KEY COUNT MASK: the octets of the key, and zeros up to this count, each of them xor the mask.
__pad() {
  __left=$2
  for __octet in $(printf '%s' "$1" | sed 's/../& /g'); do
    # shellcheck disable=SC2059
    printf "\\$(printf '%03o' "$((0x$__octet ^ $3))")"
    __left=$((__left - 1))
  done
  while [ "$__left" -gt 0 ]; do
    # shellcheck disable=SC2059
    printf "\\$(printf '%03o' "$(($3))")"
    __left=$((__left - 1))
  done
}

# ALGORITHM KEY [hex]: the key in hexadecimal digits; the octets themselves unless digits are wanted. It is RFC 2104
# Section 2 in full, because openssl takes the key as an argument, which others can read.
_hmac() {
  case $1 in
  sha384 | sha512) __block=128 ;;
  *) __block=64 ;;
  esac
  __key=$2
  if [ "${#__key}" -gt $((2 * __block)) ]; then
    __key=$(printf '%s' "$__key" | _h2b | _digest "$1" hex)
  fi
  {
    __pad "$__key" "$__block" 0x5c
    {
      __pad "$__key" "$__block" 0x36
      cat
    } | openssl dgst "-$1" -binary
  } | if [ -n "${3-}" ]; then _digest "$1" hex; else openssl dgst "-$1" -binary; fi
}

# Values that are kept, in the file that ACCOUNT_CONF_PATH names, and those of one certificate in the one that DOMAIN_CONF
# names: lines such as KEY='VALUE'.

__is_key() {
  case $1 in
  '' | *[!A-Za-z0-9_]*)
    _err "not a name of a value: $1"
    return 1
    ;;
  esac
}

# FILE KEY
__read() {
  __is_key "$2" || return 1
  [ -n "$1" ] && [ -f "$1" ] || return 0
  __kept=$(sed -n "s/^$2='\\(.*\\)'\$/\\1/p" "$1" | tail -n 1)
  case $__kept in
  "$__ENCODED"*"$__ENCODED_END")
    __kept=${__kept#"$__ENCODED"}
    printf '%s' "${__kept%"$__ENCODED_END"}" | _dbase64
    ;;
  *) printf '%s\n' "$__kept" ;;
  esac
}

# Around a value that is kept in base64.
__ENCODED=__ACME_BASE64__START_
__ENCODED_END=__ACME_BASE64__END_

# FILE: sets every variable that is kept and not set. acme.sh evaluates the file for that; here it is only read.
__restore() {
  [ -n "$1" ] && [ -f "$1" ] || return 0
  for __name in $(sed -n "s/^\\([A-Za-z][A-Za-z0-9_]*\\)='[^']*'\$/\\1/p" "$1"); do
    if eval "[ -z \"\${$__name+x}\" ]"; then
      eval "$__name=\$(__read \"\$1\" \"\$__name\")"
    fi
  done
}

# The file without a key, and with a line in its place if there is one.
__with() {
  if [ -f "$__file" ]; then grep -v "^$1=" "$__file" || [ $? -eq 1 ] || return 1; fi
  if [ $# -gt 1 ]; then printf '%s\n' "$2" || return 1; fi
}

# FILE KEY [LINE]: replaces the file as a whole, and not at all if the new one cannot be written in full.
__change() {
  __is_key "$2" || return 1
  [ -n "$1" ] || return 0
  __file=$1
  shift
  if [ -L "$__file" ]; then __file=$(readlink -f "$__file") || return 1; fi
  __new=$(umask 077 && mktemp "$__file.XXXXXX") || return 1
  if __with "$@" >"$__new" && mv -f "$__new" "$__file"; then return 0; fi
  rm -f "$__new"
  _err "$__file cannot be written: it is unchanged, and nothing is kept of $1"
}

# FILE KEY VALUE [base64]
__save() {
  __saved=${3-}
  if [ -n "${4-}" ]; then
    __saved=$__ENCODED$(printf '%s' "${3-}" | _base64)$__ENCODED_END
  fi
  case $__saved in
  *"'"* | *'
'*)
    _err "the value of $2 has a quote or a line break, so that it cannot be kept"
    return 1
    ;;
  esac
  if [ "$(__read "$1" "$2")" != "${3-}" ]; then __change "$1" "$2" "$2='$__saved'"; fi
}

_readaccountconf() { __read "${ACCOUNT_CONF_PATH-}" "$1"; }
_saveaccountconf() { __save "${ACCOUNT_CONF_PATH-}" "$@"; }
_clearaccountconf() { __change "${ACCOUNT_CONF_PATH-}" "$1"; }
_readaccountconf_mutable() { _readaccountconf "SAVED_$1"; }
_saveaccountconf_mutable() { _saveaccountconf "SAVED_$1" "${2-}" "${3-}"; }
_clearaccountconf_mutable() { _clearaccountconf "SAVED_$1"; }
_readdomainconf() { __read "${DOMAIN_CONF-}" "$1"; }
_savedomainconf() { __save "${DOMAIN_CONF-}" "$@"; }
_cleardomainconf() { __change "${DOMAIN_CONF-}" "$1"; }

# HTTP. What curl is asked comes through a pipe, and what wget is asked in files, because others can read arguments.

# NAME VALUE, as a line of curl's configuration. A line without an end is none to sed, hence the end that awk takes out.
__option() {
  printf '%s = "' "$1"
  printf '%s\n' "$2" | sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g; s/'"$__CR"'/\\r/g' |
    awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
  printf '"\n'
}

# A header that a script copied from a response may end with a carriage return.
__header() { __option header "$(printf '%s' "$1" | tr -d '\r\n')"; }

# METHOD URL [TYPE [BODY]]
__request() {
  # Without globoff, brackets and braces in a URL stand for several URLs.
  printf 'silent\nshow-error\ngloboff\n'
  if [ -z "${ACME_HTTP_NO_REDIRECTS-}" ]; then printf 'location\n'; fi
  if [ -n "${HTTPS_INSECURE-}" ]; then printf 'insecure\n'; fi
  __option user-agent "${USER_AGENT:-acme-hook}"
  for __header in "${_H1-}" "${_H2-}" "${_H3-}" "${_H4-}" "${_H5-}"; do
    if [ -n "$__header" ]; then __header "$__header"; fi
  done
  if [ -n "${3-}" ]; then __header "Content-Type: $3"; fi
  case $1 in
  GET) ;;
  HEAD) printf 'head\n' ;;
  *)
    __option request "$1"
    __option data-raw "${4-}"
    ;;
  esac
  __option url "$(printf '%s' "$2" | tr -d '\r')"
}

# METHOD URL TYPE BODY SECONDS: writes the response to standard output, and its header to a file; for HEAD, the header
# to both.
__exchange() {
  if _exists curl; then
    __request "$@" | curl --config - --dump-header "$HTTP_HEADER" --max-time "$5"
  elif _exists wget; then
    __by_wget "$@"
  else
    _err 'this script needs curl or wget: install one of them'
  fi
}

# NAME VALUE, as a line of wget's configuration, which knows no escapes.
__setting() { printf '%s = %s\n' "$1" "$(printf '%s' "$2" | tr -d '\r\n')"; }

# METHOD URL TYPE BODY, as the configuration of GNU Wget.
__wgetrc() {
  __setting user_agent "${USER_AGENT:-acme-hook}"
  if [ -n "${ACME_HTTP_NO_REDIRECTS-}" ]; then __setting max_redirect 0; fi
  if [ -n "${HTTPS_INSECURE-}" ]; then __setting check_certificate off; fi
  for __header in "${_H1-}" "${_H2-}" "${_H3-}" "${_H4-}" "${_H5-}"; do
    if [ -n "$__header" ]; then __setting header "$__header"; fi
  done
  if [ -n "$3" ]; then __setting header "Content-Type: $3"; fi
  __setting method "$1"
  case $1 in
  GET | HEAD) ;;
  *)
    printf '%s' "$4" >"$__dir/body"
    __setting body_file "$__dir/body"
    ;;
  esac
  __setting input "$__dir/url"
}

# It writes the header between other lines, each after two spaces.
__by_wget() {
  __wgetrc "$@" >"$__dir/wgetrc"
  printf '%s\n' "$2" | tr -d '\r' >"$__dir/url"
  __status=0
  wget --config="$__dir/wgetrc" --no-verbose --server-response --content-on-error --tries=1 --timeout="$5" \
    --output-document=- 2>"$__dir/said" || __status=$?
  sed -n 's/^  //p' "$__dir/said" >"$HTTP_HEADER"
  # A response with an error is a response, as to curl.
  if [ "$__status" -ne 0 ] && [ "$__status" -ne 8 ]; then
    grep -v '^  ' "$__dir/said" >&2
    return "$__status"
  fi
  if [ "$1" = HEAD ]; then cat "$HTTP_HEADER"; fi
}

# URL [onlyheader [SECONDS]]
_get() {
  if [ -n "${2-}" ]; then __method=HEAD; else __method=GET; fi
  __exchange "$__method" "$1" '' '' "${3:-60}"
}

# BODY URL [needbase64 [METHOD [TYPE]]]
_post() {
  if [ -n "${3-}" ]; then
    __exchange "${4:-POST}" "$2" "${5-}" "$1" "$__POST_SECONDS" | _base64
  else
    __exchange "${4:-POST}" "$2" "${5-}" "$1" "$__POST_SECONDS"
  fi
}

# As long as a hook may take.
__POST_SECONDS=120

# The script reads the header of a response from this file.
__dir=$(umask 077 && mktemp -d) || exit 1
trap 'rm -rf "$__dir" "${__new:-$__dir}"' EXIT
trap 'exit 1' HUP INT TERM
HTTP_HEADER=$__dir/http.header
export HTTP_HEADER
: >"$HTTP_HEADER"

__function=$2 __record=$3 __value=$4
__restore "${DOMAIN_CONF-}"
__restore "${ACCOUNT_CONF_PATH-}"
. "$1"
if ! command -v "$__function" >/dev/null; then
  _err "$1 defines no function $__function"
  exit 1
fi
"$__function" "$__record" "$__value"
