#!/usr/bin/env bash
# Runs simulated sessions on virtual time: simulate.sh SEEDS
source "$(dirname "$0")/common.sh"

require_binaries simulate
exec "$bin/simulate" --seeds "${1:?usage: simulate.sh SEEDS}"
