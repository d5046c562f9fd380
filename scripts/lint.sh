#!/usr/bin/env bash
# Checks formatting and the rules between rooms that a text search can tell. lint.sh --fix reformats instead.
source "$(dirname "$0")/common.sh"

folders=(Sources Tests)
if compgen -G 'fuzz/*.swift' >/dev/null || compgen -G 'fuzz/*/*.swift' >/dev/null; then folders+=(fuzz); fi
if [[ ${1:-} == --fix ]]; then
  exec swift-format format --in-place --parallel --recursive "${folders[@]}" Package.swift
fi

failures=0
# forbid TITLE PATTERN PATHS…: says where a forbidden pattern stands.
forbid() {
  local title=$1 pattern=$2
  shift 2
  if grep -rnE --include='*.swift' -- "$pattern" "$@" >&2; then
    say "lint: $title" >&2
    failures=$((failures + 1))
  fi
}

swift-format lint --strict --parallel --recursive "${folders[@]}" Package.swift || failures=$((failures + 1))

pure=()
for room in Basics Wire Crypto Machines Engine Relaying Simulator; do pure+=("Sources/$room"); done
forbid "Foundation does not belong into what ships" '^(@[a-z_]+ )?import Foundation$' Sources
forbid "a pure room knows no clock, socket or file" \
  '^import (Glibc|Dispatch|FoundationEssentials|Reactor|Commands|CLibev|CCurl|CSockets|CNATPMP|CMiniUPnP|CArchive)$' "${pure[@]}"
outside_reactor=()
for room in Sources/*/; do
  [[ $room == Sources/Reactor/ ]] || outside_reactor+=("$room")
done
forbid "only the reactor knows libev, libcurl, libarchive, the socket shims and the port mapping libraries" \
  '^import (CLibev|CCurl|CSockets|CNATPMP|CMiniUPnP|CArchive)$' "${outside_reactor[@]}"
commands=()
while IFS= read -r file; do commands+=("$file"); done < <(find Sources/Commands -name '*.swift' \
  ! -path Sources/Commands/Support/Console.swift ! -path Sources/Commands/Relay/RelayReport.swift | sort)
forbid "only Console writes to standard error: it lets nothing through that drives a terminal" \
  '\bSTDERR_FILENO\b|\bfputs\(|\bperror\(|FileHandle' "${commands[@]}"
forbid "a test waits for something, not for time" '\b(usleep|nanosleep|Thread\.sleep|Task\.sleep)\b' Tests

for script in scripts/*.sh fuzz/*.sh .ci/run .githooks/*; do
  [[ ! -f $script ]] || bash -n "$script" || failures=$((failures + 1))
done
((failures == 0)) || die "$failures kind(s) of findings; make format mends the layout"
