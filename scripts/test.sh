#!/usr/bin/env bash
# Everything that tells whether the tree is sound, cheapest first. Each stage's output is kept in
# .build/test-logs; a stage that fails prints what matters of it and how to run that stage alone.
# Environment: TEST_SEEDS (1000), TEST_FUZZ_SECONDS (60).
source "$(dirname "$0")/common.sh"

logs=$root/.build/test-logs
seeds=${TEST_SEEDS:-1000}
fuzz_seconds=${TEST_FUZZ_SECONDS:-60}
# Allocations per 1,000 frames between two sessions, after their buffers have grown.
most_allocations=2
passed=0 failed=0 skipped=0
failed_stages=()
rm -rf "$logs"
mkdir -p "$logs"

# stage NAME SHOW REPLAY COMMAND…: runs a command quietly and shows the lines of its output that match SHOW.
# Counts nothing.
stage() {
  local name=$1 show=$2 replay=$3 begin=$SECONDS
  shift 3
  printf '==> %s\n' "$name"
  if "$@" >"$logs/$name.log" 2>&1; then
    grep -E -- "$show" "$logs/$name.log" | sed -E 's/^[^A-Za-z0-9]*/    /' || true
    printf '    ok, %d s\n' $((SECONDS - begin))
    return 0
  fi
  # Of a long run of tests only what failed is worth showing.
  { grep -E '^✘|error:' "$logs/$name.log" || tail -n 40 "$logs/$name.log"; } | tail -n 40 | sed 's/^/    /'
  printf '    FAILED after %d s; replay: %s\n' $((SECONDS - begin)) "$replay"
  failed_stages+=("$name")
  return 1
}

# A stage that is one check.
check() {
  if stage "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# A stage that is a run of `swift test`; its own report says how many tests there were.
tests() {
  local name=$1 report=$logs/$1.xml outcome=0 counts
  stage "$@" --disable-xctest --xunit-output "$report" || outcome=1
  # Swift Testing puts its report beside the named file.
  counts=$(cat "$logs/$name"*.xml 2>/dev/null | sed -nE \
    's/.*<testsuite [^>]*tests="([0-9]+)"[^>]*failures="([0-9]+)".*skipped="([0-9]+)".*/\1 \2 \3/p' |
    awk '{ t += $1; f += $2; s += $3 } END { if (NR) print t, f, s }')
  if [[ -z $counts ]]; then
    # No report: the tests did not build, or the run was cut short.
    failed=$((failed + 1))
    return
  fi
  read -r total failures skips <<<"$counts"
  # A run that failed as a whole is never counted as all passed.
  ((outcome == 0 || failures > 0)) || failures=1
  # The report's total leaves out the tests that were skipped.
  passed=$((passed + total - failures)) failed=$((failed + failures)) skipped=$((skipped + skips))
}

# A stage that not every machine allows: the probe's status 77 skips it, and is never counted as passed.
check_where_possible() {
  local name=$1 probe=$2 status=0
  shift 2
  $probe >"$logs/$name-probe.log" 2>&1 || status=$?
  if ((status == 77)); then
    printf '==> %s\n    skipped: %s\n' "$name" "$(tail -n 1 "$logs/$name-probe.log")"
    skipped=$((skipped + 1))
  else
    check "$name" "$@"
  fi
}

finish() {
  printf '\n'
  ((${#failed_stages[@]} == 0)) || printf 'failed: %s\nlogs: %s\n' "${failed_stages[*]}" "$logs"
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  ((failed == 0))
}

# The tests in network namespaces need root and a few packages more; where they cannot be had they are skipped.
if ((EUID == 0)); then scripts/deps.sh lab || scripts/deps.sh; else scripts/deps.sh; fi
check lint '^$' "make lint" scripts/lint.sh
# Nothing below means much when the release build fails.
if ! stage release-build 'Build complete' "make build" scripts/build.sh; then
  failed=$((failed + 1))
  finish
  exit
fi
check specs '^$' "scripts/specs.sh check" scripts/specs.sh check
check explorer 'states' "scripts/specs.sh explore" scripts/specs.sh explore
check mutations 'mutations|survives' "scripts/specs.sh mutate" scripts/specs.sh mutate
tests unit-tests 'Test run with' "swift test --skip EndToEndTests" swift test --skip EndToEndTests
check simulation 'seeds in|rows taken' "scripts/simulate.sh $seeds" scripts/simulate.sh "$seeds"
check fuzz 'executions' "scripts/fuzz.sh $fuzz_seconds" scripts/fuzz.sh "$fuzz_seconds"
tests end-to-end 'Test run with' "swift test --filter EndToEndTests" \
  swift test --skip-build --filter EndToEndTests
check allocations 'allocations per' "$bin/allocations --most $most_allocations --trace" \
  "$bin/allocations" --most "$most_allocations"
check_where_possible lab-routers "$bin/lab possible" 'NOT AS|plain hole|delay line' "scripts/lab.sh verify --quick" \
  scripts/lab.sh verify --quick
check_where_possible lab "$bin/lab possible" 'direct|relayed|pairs' "scripts/lab.sh grid --quick" \
  scripts/lab.sh grid --quick
check_where_possible lab-rates "$bin/lab possible" 'mbit|met' "scripts/lab.sh rates --quick" \
  scripts/lab.sh rates --quick
finish
