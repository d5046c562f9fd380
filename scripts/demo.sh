#!/usr/bin/env bash
# Shows one transfer: a relay on loopback to meet at, `derphole listen` on one side, `derphole pipe` on the other.
source "$(dirname "$0")/common.sh"
source "$root/scripts/processes.sh"

mebibytes=64
require_binaries derphole derprelay
head -c $((mebibytes << 20)) /dev/urandom >"$scratch/sent"

start_relay "$scratch/relay.log"
say "relay     derprelay listens on $relay_address"

"$bin/derphole" --hide-progress listen --derp "http://$relay_address" \
  >"$scratch/received" 2>"$scratch/listen.log" &
listen_pid=$!
started+=("$listen_pid")
token=$(await_match "$scratch/listen.log" "$token_pattern" "$listen_pid")
say "receiver  derphole listen > received       printed a token of ${#token} characters"
say "sender    derphole pipe TOKEN < sent       sends $mebibytes MiB of random bytes"

begin=$(microseconds)
"$bin/derphole" --hide-progress pipe "$token" <"$scratch/sent" 2>"$scratch/pipe.log" || {
  cat "$scratch/pipe.log" "$scratch/listen.log" >&2
  die "pipe failed"
}
wait "$listen_pid" || {
  cat "$scratch/listen.log" >&2
  die "listen failed"
}
elapsed=$(($(microseconds) - begin))

sent=$(sha256sum <"$scratch/sent" | cut -c1-64)
received=$(sha256sum <"$scratch/received" | cut -c1-64)
say "digest    sent      $sent"
say "          received  $received"
[[ $sent == "$received" ]] || die "the digests differ"
speed=$(((mebibytes << 20) / elapsed))
say "result    equal; $mebibytes MiB in $((elapsed / 1000)) ms, $speed MB/s, end to end encrypted"
