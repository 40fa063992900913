#!/bin/sh
# Installs Debian packages without starting the services that they bring: the benchmark starts its own.
#
# usage (as root): install.sh PACKAGE...
set -eu
export DEBIAN_FRONTEND=noninteractive

# Debian asks this file before it starts a service; where the machine has one, it keeps it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
