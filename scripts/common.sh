# Sourced by every script: strict mode, the checkout's root, names that several scripts share.
# shellcheck shell=bash
set -euo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# SwiftPM rebuilds everything when flags change, so every release build takes exactly these. The run path lets
# an unpacked tarball find lib/ beside bin/; old-style tags make it hold for libraries of libraries too.
release_flags=(
  -c release --static-swift-stdlib
  -Xlinker -rpath=\$ORIGIN/../lib -Xlinker --disable-new-dtags
)
bin="${DERPHOLE_BIN_DIR:-$root/.build/release}"
programs=(derphole derptun derprelay simulate)

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# One clear line when there is no Swift, or one that is too old.
require_swift() {
  local version
  command -v swift >/dev/null || die "needs Swift 6.2 or newer: https://www.swift.org/install/linux/"
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' | head -n 1)
  read -r major minor <<<"${version:-0 0}"
  ((major > 6 || (major == 6 && minor >= 2))) ||
    die "needs Swift 6.2 or newer, but \`swift --version\` says ${version:+${version/ /.}}: https://www.swift.org/install/linux/"
}

require_binaries() {
  local name
  for name in "$@"; do
    [[ -x $bin/$name ]] || die "$bin/$name is missing: run make build"
  done
}
