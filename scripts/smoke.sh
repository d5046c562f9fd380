#!/usr/bin/env bash
# A few real transfers. smoke.sh local: between two processes here. smoke.sh remote HOST: both ways between
# this machine and HOST over ssh, with what `make dist` made; the relay runs here and HOST reaches it through
# ssh. Environment: SMOKE_DERP=URL uses that relay instead, SMOKE_DERP=public Tailscale's; SSH="ssh -p 2222".
source "$(dirname "$0")/common.sh"
source "$root/scripts/processes.sh"

mode=${1:-local}
host=${2:-}
read -r -a ssh <<<"${SSH:-ssh}"
passed=0

# run_here and run_there take a command of the programs' folder and its arguments.
run_here() { "$bin/$1" "${@:2}"; }
run_there() { "${ssh[@]}" "$host" "$remote_folder/bin/$(printf '%q ' "$@")"; }

# transfer TITLE BYTES RECEIVER SENDER: one transfer; the last two are run_here or run_there.
transfer() {
  local title=$1 bytes=$2 receiver=$3 sender=$4 begin token listen_pid
  head -c "$bytes" /dev/urandom >"$scratch/sent"
  : >"$scratch/listen.log"
  "$receiver" derphole --hide-progress listen "${relay_options[@]}" \
    >"$scratch/received" 2>"$scratch/listen.log" &
  listen_pid=$!
  started+=("$listen_pid")
  token=$(await_match "$scratch/listen.log" "$token_pattern" "$listen_pid")
  begin=$(microseconds)
  "$sender" derphole --hide-progress pipe "$token" <"$scratch/sent" 2>"$scratch/pipe.log" ||
    die "$title: pipe failed: $(cat "$scratch/pipe.log" "$scratch/listen.log")"
  wait "$listen_pid" || die "$title: listen failed: $(cat "$scratch/listen.log")"
  cmp -s "$scratch/sent" "$scratch/received" || die "$title: what arrived differs from what was sent"
  say "ok  $title, $bytes bytes, $((($(microseconds) - begin) / 1000)) ms"
  passed=$((passed + 1))
}

smoke_local() {
  start_relay "$scratch/relay.log"
  relay_options=(--derp "http://$relay_address")
  for bytes in 0 1 65537 16777216; do transfer "plain" "$bytes" run_here run_here; done
  make_certificate "$scratch"
  start_relay "$scratch/relay-tls.log" --tls-cert "$scratch/cert.pem" --tls-key "$scratch/key.pem"
  relay_options=(--derp "https://$relay_address")
  export SSL_CERT_FILE=$scratch/cert.pem
  transfer "TLS" 16777216 run_here run_here
}

smoke_remote() {
  local archive forward=()
  [[ -n $host ]] || die "say where: REMOTE_HOST=user@host make smoke-remote"
  archive=$(find dist -name 'derphole-*.tar.gz' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
  [[ -n $archive ]] || die "no archive in dist/: run make dist"
  remote_folder=$("${ssh[@]}" "$host" 'mktemp -d')
  trap '"${ssh[@]}" "$host" "rm -rf $remote_folder" || true; cleanup' EXIT
  "${ssh[@]}" "$host" "tar -xzf - -C $remote_folder --strip-components=1" <"$archive"
  case ${SMOKE_DERP:-} in
    '')
      # The relay has the same address on both machines, so one token serves both.
      start_relay "$scratch/relay.log"
      relay_options=(--derp "http://$relay_address")
      forward=(-N -o ExitOnForwardFailure=yes -R "${relay_address}:${relay_address}")
      "${ssh[@]}" "${forward[@]}" "$host" 2>"$scratch/forward.log" &
      started+=("$!")
      ;;
    public) relay_options=() ;;
    *) relay_options=(--derp "$SMOKE_DERP") ;;
  esac
  for bytes in 1 16777216; do
    transfer "here to $host" "$bytes" run_there run_here
    transfer "$host to here" "$bytes" run_here run_there
  done
}

require_binaries derphole derprelay
case $mode in
  local) smoke_local ;;
  remote) smoke_remote ;;
  *) die "usage: smoke.sh local | remote HOST" ;;
esac
say "$passed transfers, all equal"
