#!/usr/bin/env bash
# The Debian packages that the tests use as real clients and servers: PHP's own curl, curl itself, Dovecot's IMAP.
set -euo pipefail
missing=()
command -v php >/dev/null && php -m 2>/dev/null | grep -qx curl || missing+=(php-cli php-curl)
command -v curl >/dev/null || missing+=(curl)
[ -x /usr/sbin/dovecot ] && [ -x /usr/lib/dovecot/imap ] || missing+=(dovecot-imapd)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
else
    echo "please install: ${missing[*]}" >&2; exit 1
fi
