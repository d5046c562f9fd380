#!/usr/bin/env bash
# Measures transfers through a relay on loopback against the same file over two raw TCP hops, in one run, since
# only ratios travel between machines. Environment: BENCH_MIB (1024), BENCH_RUNS (3), SCRATCH_PARENT (where
# the files lie; by default memory, when there is room for them).
source "$(dirname "$0")/common.sh"
scripts/deps.sh bench
mebibytes=${BENCH_MIB:-1024}
runs=${BENCH_RUNS:-3}
free_kib=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || echo 0)
if ((free_kib > mebibytes * 3 * 1024)); then SCRATCH_PARENT=${SCRATCH_PARENT:-/dev/shm}; fi
source "$root/scripts/processes.sh"
require_binaries derphole derprelay

# measured NAME COMMAND…: runs it and leaves "wall user+system-seconds peak-KiB" in $scratch/NAME.usage.
measured() {
  local name=$1
  shift
  # exec, so that the process id of a background call is that of time itself.
  exec /usr/bin/time -o "$scratch/$name.usage" -f '%e %U %S %M' "$@"
}

# usage_of NAME: "cpu-seconds peak-KiB" of a finished measured command.
usage_of() { tail -n 1 "$scratch/$1.usage" | awk '{ printf "%.2f %d\n", $2 + $3, $4 }'; }

# usage_of_pid PID: the same of a process that still runs.
usage_of_pid() {
  local ticks peak
  ticks=$(sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }')
  peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$1/status")
  awk -v ticks="$ticks" -v hertz="$(getconf CLK_TCK)" -v peak="$peak" \
    'BEGIN { printf "%.2f %d\n", ticks / hertz, peak }'
}

# row NAME MICROSECONDS RECEIVER SENDER RELAY: one line of the table; the last three are "cpu peak".
row() {
  awk -v name="$1" -v us="$2" -v mib="$mebibytes" -v receiver="$3" -v sender="$4" -v relay="$5" 'BEGIN {
    split(receiver, r); split(sender, s); split(relay, y); gib = mib / 1024
    printf "| %-15s | %6.0f | %18.2f | %6.2f | %5.2f | %11.1f / %6.1f / %5.1f       |\n", name,
      mib * 1048576 / us, r[1] / gib, s[1] / gib, y[1] / gib, r[2] / 1024, s[2] / 1024, y[2] / 1024 }'
}

same_content() { cmp -s "$scratch/sent" "$scratch/received" || die "$1: what arrived differs from what was sent"; }

# two_raw_hops: the ceiling; socat reads the file, relays, and writes the file, with large buffers.
two_raw_hops() {
  local first=$((20000 + RANDOM % 10000)) second=$((31000 + RANDOM % 1000)) begin receiver relay
  (measured raw-receiver socat -u -b 262144 "TCP-LISTEN:$second,bind=127.0.0.1,reuseaddr" \
    "CREATE:$scratch/received") &
  receiver=$!
  (measured raw-relay socat -u -b 262144 "TCP-LISTEN:$first,bind=127.0.0.1,reuseaddr" \
    "TCP:127.0.0.1:$second,retry=50,interval=0.02") &
  relay=$!
  started+=("$receiver" "$relay")
  begin=$(microseconds)
  (measured raw-sender socat -u -b 262144 "OPEN:$scratch/sent" "TCP:127.0.0.1:$first,retry=50,interval=0.02")
  wait "$receiver" "$relay"
  microseconds_taken=$(($(microseconds) - begin))
  same_content "raw TCP"
  row "two raw hops" "$microseconds_taken" "$(usage_of raw-receiver)" "$(usage_of raw-sender)" "$(usage_of raw-relay)"
}

# listen_for_token URL: starts a measured `listen`; sets listen_pid and token.
listen_for_token() {
  : >"$scratch/listen.log"
  (measured listen "$bin/derphole" --hide-progress --force-relay listen --derp "$1" \
    >"$scratch/received" 2>"$scratch/listen.log") &
  listen_pid=$!
  started+=("$listen_pid")
  token=$(await_match "$scratch/listen.log" "$token_pattern" "$listen_pid")
}

# through_relay NAME SCHEME [RELAY OPTIONS…]
through_relay() {
  local name=$1 scheme=$2 begin
  shift 2
  start_relay "$scratch/relay.log" "$@"
  listen_for_token "$scheme://$relay_address"
  begin=$(microseconds)
  (measured pipe "$bin/derphole" --hide-progress pipe "$token" <"$scratch/sent") ||
    die "$name: pipe failed: $(cat "$scratch/listen.log")"
  wait "$listen_pid" || die "$name: listen failed: $(cat "$scratch/listen.log")"
  microseconds_taken=$(($(microseconds) - begin))
  same_content "$name"
  row "$name" "$microseconds_taken" "$(usage_of listen)" "$(usage_of pipe)" "$(usage_of_pid "$relay_pid")"
  kill -TERM "$relay_pid"
  wait "$relay_pid" || die "$name: derprelay did not end cleanly"
}

# median FILE: the middle one of its numbers.
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# milliseconds_since MICROSECONDS
milliseconds_since() { awk -v us=$(($(microseconds) - $1)) 'BEGIN { printf "%.1f\n", us / 1000 }'; }

# one_byte_times COUNT: from the start of `pipe` to the end of both, one a line, in $scratch/one-byte.
one_byte_times() {
  local begin run
  for ((run = 0; run < $1; run++)); do
    listen_for_token "http://$relay_address"
    begin=$(microseconds)
    printf x | "$bin/derphole" --hide-progress pipe "$token"
    wait "$listen_pid"
    milliseconds_since "$begin" >>"$scratch/one-byte"
    [[ $(<"$scratch/received") == x ]] || die "the byte did not arrive"
  done
}

# startup_times COUNT: of the smallest command, one a line, in $scratch/start-up.
startup_times() {
  local begin run
  for ((run = 0; run < $1; run++)); do
    begin=$(microseconds)
    "$bin/derphole" version >/dev/null
    milliseconds_since "$begin" >>"$scratch/start-up"
  done
}

head -c $((mebibytes << 20)) /dev/urandom >"$scratch/sent"
make_certificate "$scratch"
say "$mebibytes MiB of random bytes in $scratch, $(nproc) processors, $(uname -sr), load $(cut -d" " -f1 /proc/loadavg), $runs runs of each"
say
say "| through         |   MB/s | CPU s/GiB receiver | sender | relay | peak MiB receiver / sender / relay |"
say "| --- | --- | --- | --- | --- | --- |"
for ((number = 0; number < runs; number++)); do
  two_raw_hops
  through_relay "derprelay" http
  SSL_CERT_FILE=$scratch/cert.pem through_relay "derprelay, TLS" https \
    --tls-cert "$scratch/cert.pem" --tls-key "$scratch/key.pem"
done
say
start_relay "$scratch/relay.log"
one_byte_times 11
startup_times 21
say "1 byte, from starting pipe to both exits: $(median "$scratch/one-byte") ms (median of 11)"
say "start-up, derphole version: $(median "$scratch/start-up") ms (median of 21)"
