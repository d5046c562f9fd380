#!/usr/bin/env bash
# Runs the compiler of specs: specs.sh generate|check|explore|mutate [OPTIONS…]
source "$(dirname "$0")/common.sh"

# The explorer visits many states, so even the checks run as a release build.
scripts/build.sh spec-compiler
exec "$bin/spec-compiler" "$@" --root "$root"
