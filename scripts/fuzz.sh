#!/usr/bin/env bash
# Fuzzes every decoder: fuzz.sh SECONDS, shared out among the targets.
source "$(dirname "$0")/common.sh"

require_swift
exec fuzz/run.sh "${1:?usage: fuzz.sh SECONDS}"
