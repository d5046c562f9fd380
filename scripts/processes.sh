# Sourced by scripts that start programs in the background: a scratch folder, and an end for all of them.
# shellcheck shell=bash

scratch=$(mktemp -d "${SCRATCH_PARENT:-${TMPDIR:-/tmp}}/derphole.XXXXXX")
started=()

# Ends what this script started, by process id, and removes the scratch folder.
cleanup() {
  local pid
  for pid in "${started[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
  done
  for pid in "${started[@]}"; do
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# await_match FILE REGEX PID: prints the first match in a log that a living process writes, or fails after 10 s.
await_match() {
  local file=$1 pattern=$2 pid=$3 deadline=$((SECONDS + 10)) found
  while ((SECONDS < deadline)); do
    if found=$(grep -oEm1 -- "$pattern" "$file" 2>/dev/null); then
      printf '%s\n' "${found%%$'\n'*}"
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.02
  done
  # The line may have come just before the end.
  grep -oEm1 -- "$pattern" "$file" && return
  printf 'no line like "%s" came; the program said:\n' "$pattern" >&2
  cat "$file" >&2
  return 1
}

# start_relay LOG [OPTIONS…]: a relay on a free port of loopback. Sets relay_pid and relay_address.
start_relay() {
  local log=$1
  shift
  "$bin/derprelay" --listen 127.0.0.1:0 --no-stun "$@" 2>"$log" &
  relay_pid=$!
  started+=("$relay_pid")
  relay_address=$(await_match "$log" '127\.0\.0\.1:[0-9]+' "$relay_pid")
}

# A token is the only thing in a log that is one long word of base64.
token_pattern='^[A-Za-z0-9_-]{170,}$'

# make_certificate FOLDER: a certificate for 127.0.0.1 that is its own authority, as FOLDER/{cert,key}.pem.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
}

# Microseconds of wall time.
microseconds() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }
