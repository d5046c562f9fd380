#!/usr/bin/env bash
# Kills either side of a transfer at random moments, RUNS times, then lets it come to its end; the file must be equal.
# resume.sh [RUNS]. Environment: SEED=n repeats the same moments, SIZE_MIB (64), LIMIT (16MB): a second, the sender's.
source "$(dirname "$0")/common.sh"
source "$root/scripts/processes.sh"

runs=${1:-20}
seed=${SEED:-$((10#${EPOCHREALTIME#*[.,]} % 32768))}
size=$((${SIZE_MIB:-64} << 20))
limit=${LIMIT:-16MB}
[[ $runs =~ ^[0-9]+$ ]] || die "usage: resume.sh RUNS"
require_binaries derphole derprelay
RANDOM=$seed
say "seed $seed: SEED=$seed scripts/resume.sh $runs"

head -c "$size" /dev/urandom >"$scratch/sent"
mkdir "$scratch/there"
start_relay "$scratch/relay.log"
travelled=0 kills=0 completed=0 attempts=0

# begin [OPTIONS…]: starts a sender and its receiver; sets send_pid and receive_pid.
begin() {
  local code
  : >"$scratch/send.log"
  "$bin/derphole" --json --force-relay send --derp "http://$relay_address" "$@" "$scratch/sent" \
    2>"$scratch/send.log" &
  send_pid=$!
  started+=("$send_pid")
  code=$(await_match "$scratch/send.log" '[A-Za-z0-9_-]{170,}' "$send_pid")
  "$bin/derphole" --json --force-relay receive --output "$scratch/there" "$code" 2>"$scratch/receive.log" &
  receive_pid=$!
  started+=("$receive_pid")
  attempts=$((attempts + 1))
}

# finish: waits for both sides; sets send_status and receive_status and adds what travelled.
finish() {
  local log="" bytes name
  send_status=0 receive_status=0
  # The shell tells of a killed job on its own standard error.
  { wait "$receive_pid" || receive_status=$?; } 2>/dev/null
  { wait "$send_pid" || send_status=$?; } 2>/dev/null
  started=("$relay_pid")
  # Only the side that was not killed tells.
  for name in receive send; do
    if grep -q '"event":"finished"' "$scratch/$name.log"; then log=$scratch/$name.log; fi
  done
  if [[ -n $log ]]; then
    bytes=$(grep '"event":"finished"' "$log" | grep -oE '"relayBytes":[0-9]+' | cut -d: -f2)
    travelled=$((travelled + bytes))
  fi
  if ((receive_status == 0 && send_status == 0)); then
    cmp -s "$scratch/sent" "$scratch/there/sent" || die "seed $seed: what arrived differs from what was sent"
    rm "$scratch/there/sent"
    completed=$((completed + 1))
  fi
}

while ((kills < runs)); do
  begin --limit "$limit"
  # Up to two seconds from the start: before the offer, while digests are compared, in the middle.
  sleep "$((RANDOM % 2)).$(printf '%03d' $((RANDOM % 1000)))"
  if ((RANDOM % 2)); then side=receiver victim=$receive_pid; else side=sender victim=$send_pid; fi
  kill -KILL "$victim" 2>/dev/null || true
  kills=$((kills + 1))
  # A sender whose receiver died before it claimed the code waits for another one.
  if [[ $side == receiver ]] && ! grep -q '"state":"claimed"' "$scratch/send.log"; then
    kill -INT "$send_pid" 2>/dev/null || true
  fi
  finish
  held=$(stat -c %b "$scratch/there/sent.derphole-partial" 2>/dev/null || echo 0)
  say "kill $kills: $side, exits $send_status and $receive_status, $((held / 2048)) MiB on the disk"
done

before=$completed
begin
finish
((completed > before)) || {
  tail -n 2 "$scratch/send.log" "$scratch/receive.log" >&2
  die "seed $seed: the last transfer failed with $send_status and $receive_status"
}
[[ ! -e $scratch/there/sent.derphole-partial ]] || die "seed $seed: a partial file is left"
say "$kills kills in $attempts transfers; $completed files came to their end, all equal"
say "$((travelled - completed * size)) bytes travelled beyond the $completed files"
