#!/usr/bin/env bash
# Measures transfers against iperf3, socat, magic-wormhole and other programs in one run, since only ratios travel
# between machines: between two network namespaces, or without root on loopback. Environment:
#   BENCH_MIB (1024), BENCH_RUNS (3)
#   BENCH_JSON   a file for all figures
#   BENCH_ONLY   only the rows whose name holds this text
#   BENCH_OTHER  rows for other programs, one a line: NAME: FIRST COMMAND => SECOND COMMAND (`lab bench --help`)
source "$(dirname "$0")/common.sh"

# Without the other programs there is less to compare with, but ours can be measured.
scripts/deps.sh bench || scripts/deps.sh
require_binaries lab derphole derprelay
options=(--mebibytes "${BENCH_MIB:-1024}" --runs "${BENCH_RUNS:-3}" --other "${BENCH_OTHER:-}")
if [[ -n ${BENCH_JSON:-} ]]; then options+=(--json-file "$BENCH_JSON"); fi
if [[ -n ${BENCH_ONLY:-} ]]; then options+=(--only "$BENCH_ONLY"); fi

status=0
"$bin/lab" possible || status=$?
if ((status == 0)); then exec "$bin/lab" bench "${options[@]}"; fi
((status == 77)) || exit "$status"
say "skipped: transfers between namespaces, with bytes on the wire; what follows is on loopback"
free_kib=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || echo 0)
if ((free_kib > ${BENCH_MIB:-1024} * 4 * 1024)); then TMPDIR=/dev/shm; fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/derphole.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
"$bin/lab" bench --loopback "$scratch" "${options[@]}"
