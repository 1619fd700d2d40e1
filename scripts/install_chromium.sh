#!/bin/sh
# Install Debian's Chromium, for the tests of the console page. Where that is not possible the reason
# is printed, and those tests are skipped.
set -eu

skip() {
    echo "SKIPPED the tests of the console page: $1" >&2
    exit 0
}

if [ -x /usr/bin/chromium ]; then
    exit 0
fi
[ "$(id -u)" = 0 ] || skip "only root can install chromium"
[ -r /etc/debian_version ] && command -v apt-get >/dev/null || skip "this is not Debian"
echo "installing Debian's chromium with apt-get, once" >&2
apt-get update -qq || skip "apt-get update failed"
DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium \
    fonts-dejavu-core >/dev/null || skip "apt-get install chromium failed"
