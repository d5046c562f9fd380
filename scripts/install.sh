#!/usr/bin/env bash
# Copies the programs: install.sh PREFIX
source "$(dirname "$0")/common.sh"

prefix=${1:?usage: install.sh PREFIX}
require_binaries "${programs[@]}"
install -d "$prefix/bin"
for program in "${programs[@]}"; do
  install -m 755 "$bin/$program" "$prefix/bin/$program"
  say "installed $prefix/bin/$program"
done
