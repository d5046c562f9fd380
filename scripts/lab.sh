#!/usr/bin/env bash
# Sessions through real NATs, in network namespaces of the lab's own; needs root.
# usage: lab.sh all | COMMAND [OPTIONS…]     all: routers, the table, cut and heal, idle packets, a tunnel, links
source "$(dirname "$0")/common.sh"

require_binaries lab derphole derptun derprelay
if [[ ${1:-all} != all ]]; then exec "$bin/lab" "$@"; fi

scripts/deps.sh lab
# On a machine that does not allow it, the first one says why and nothing else is tried.
"$bin/lab" possible
failures=0
for command in verify grid cut idle endure rates; do
  say "==> lab $command"
  "$bin/lab" "$command" || failures=$((failures + 1))
done
((failures == 0)) || die "$failures of 6 parts did not end as expected"
