#!/usr/bin/env bash
# Builds the release binaries, or one product of them: build.sh [PRODUCT]
source "$(dirname "$0")/common.sh"

require_swift
swift build "${release_flags[@]}" ${1:+--product "$1"}
