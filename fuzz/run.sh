#!/usr/bin/env bash
# Fuzzes every decoder of Sources/Wire, and what reads archives, with libFuzzer and the address sanitizer.
#
#   fuzz/run.sh [SECONDS] [TARGET…]     SECONDS in total, shared by the targets (default 60, all targets)
#
# What is checked: no input may trap, overrun or leak, and what parses must survive being written and parsed
# again. The properties are in Tests/WireTests/Properties, which the unit tests share; `WireTarget` there is the
# list of targets; those of archives are in Tests/ReactorTests/Properties. A new decoder needs a case there, a property, and a folder of seeds.
#
#   fuzz/seeds/TARGET      committed inputs, made from the test vectors by fuzz/make-seeds.py
#   fuzz/crashes/TARGET    committed inputs that once failed; the unit tests and every run replay them
#   fuzz/work/TARGET       what the fuzzer found worth keeping on this machine (not committed)
#   fuzz/.build            the binary, rebuilt when a source is newer (not committed)
#
# On a failure the input is in fuzz/crashes/TARGET. Replay it with `fuzz/.build/TARGET FILE`; make it smaller with
# `fuzz/.build/TARGET -minimize_crash=1 -runs=10000 FILE`; fix the decoder and commit the file: it is a test now.
set -euo pipefail

cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
case $seconds in
  '' | *[!0-9]*) echo "usage: fuzz/run.sh [SECONDS] [TARGET…]" >&2; exit 64 ;;
esac

build=fuzz/.build
properties=Tests/WireTests/Properties
archive_properties=Tests/ReactorTests/Properties
# What reads archives, without the loop and the threads around it.
archives=(Sources/Reactor/{Errors,FileAccess}.swift
  Sources/Reactor/Files/{ExtractionTarget,FileProgress,NewFile,SafeDirectory,TarExtraction}.swift)
# -O keeps every overflow and bounds check; -enforce-exclusivity=checked is the default and stays.
flags=(-swift-version 6 -O -g -wmo -parse-as-library -sanitize=fuzzer,address -use-ld=lld -I "$build"
  -module-cache-path "$build/cache")

compile_module() {
  local name=$1
  shift
  swiftc "${flags[@]}" -module-name "$name" -emit-module -emit-module-path "$build/$name.swiftmodule" \
    -c "$@" -o "$build/$name.o"
}

is_stale() {
  [ ! -x "$build/fuzzer" ] || [ -n "$(find Sources/Basics Sources/Wire $properties $archive_properties \
    "${archives[@]}" fuzz/*.swift fuzz/run.sh \
    -newer "$build/fuzzer" -print -quit)" ]
}

if is_stale; then
  echo "building the fuzzer…"
  rm -rf "$build"
  mkdir -p "$build"
  mapfile -t basics < <(find Sources/Basics -name '*.swift' | sort)
  mapfile -t wire < <(find Sources/Wire -name '*.swift' | sort)
  compile_module Basics "${basics[@]}"
  compile_module Wire "${wire[@]}"
  compile_module Reactor -enable-testing -I Sources/CArchive "${archives[@]}"
  compile_module Fuzzer -I Sources/CArchive "$properties"/*.swift "$archive_properties"/*.swift fuzz/Fuzzer.swift
  swiftc "${flags[@]}" "$build"/{Basics,Wire,Reactor,Fuzzer}.o -larchive -o "$build/fuzzer"
fi

if [ $# -gt 0 ]; then
  targets=("$@")
else
  mapfile -t targets < <(sed -n 's/^  case .* = "\(.*\)"$/\1/p' "$properties/WireTarget.swift" \
    "$archive_properties/ArchiveTarget.swift")
fi
each=$((seconds / ${#targets[@]}))
[ "$each" -gt 0 ] || each=1

# Freed memory is kept from reuse for a while to catch late accesses: 64 MB of it will do.
# The sanitizer reports traps itself; Swift's own handler would read memory that it guards.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=64}

failed=0
for target in "${targets[@]}"; do
  [ -d "fuzz/seeds/$target" ] || { echo "$target: no such target, or no seeds" >&2; exit 64; }
  ln -sf fuzzer "$build/$target"
  mkdir -p "fuzz/work/$target" "fuzz/crashes/$target"
  corpora=("fuzz/work/$target" "fuzz/seeds/$target" "fuzz/crashes/$target")
  log="$build/$target.log"
  if "$build/$target" -max_total_time="$each" -timeout=10 -rss_limit_mb=1024 -max_len=20000 -len_control=20 \
    -dict=fuzz/json.dict -artifact_prefix="fuzz/crashes/$target/" -print_final_stats=1 -verbosity=1 \
    "${corpora[@]}" > "$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
    printf '%-16s %10s executions in %3s s, %5s edges, %4s MB\n' "$target" "$runs" "$each" "$coverage" "$peak"
  else
    failed=1
    # Addresses of the stack trace are in the log; the line that says what happened is enough here.
    reason=$(grep -m1 -E 'Fatal error|ERROR: |SUMMARY: ' "$log" || tail -1 "$log")
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    printf '%-16s FAILED: %s\n' "$target" "$reason"
    printf '%-16s replay: fuzz/.build/%s %s   (log: %s)\n' '' "$target" "${input:-?}" "$log"
  fi
  rmdir --ignore-fail-on-non-empty "fuzz/crashes/$target"
done
exit "$failed"
