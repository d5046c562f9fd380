#!/usr/bin/env bash
# Installs the Debian packages that are missing; silent and without sudo when nothing is.
# usage: deps.sh [bench|lab]     bench and lab add what only the benchmark, or the tests behind NATs, need
source "$(dirname "$0")/common.sh"

# Headers and libraries that are linked; then what tests and scripts call; then what a bare system lacks for
# the Swift toolchain to run and to link anything.
packages=(
  libev-dev libsodium-dev libgnutls28-dev libngtcp2-dev libngtcp2-crypto-gnutls-dev libnatpmp-dev
  libminiupnpc-dev libcurl4-gnutls-dev libarchive-dev libqrencode-dev pkg-config
  openssl ca-certificates
  binutils libc6-dev libgcc-12-dev libstdc++-12-dev libcurl4 libxml2 libsqlite3-0 git
)
case ${1:-} in
  # Its counterparts; a mailbox server of its own lets magic-wormhole work without any network.
  bench) packages+=(socat time iperf3 iproute2 nftables magic-wormhole python3-magic-wormhole-mailbox-server) ;;
  # Routers in network namespaces. Debian's miniupnpd starts no daemon of its own unless it is told to.
  lab) packages+=(miniupnpd miniupnpd-nftables nftables iproute2 iperf3 ethtool) ;;
esac

missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || printf '%s\n' "$package"
  done
}

if ! command -v dpkg-query >/dev/null; then
  say "deps: this is no Debian; the equivalents of these are needed: ${packages[*]}"
  require_swift
  exit 0
fi
mapfile -t missing < <(missing_packages "${packages[@]}")
if ((${#missing[@]} == 0)); then
  require_swift
  exit 0
fi
command -v swift >/dev/null || require_swift

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || die "as root: apt-get install ${missing[*]}"
  as_root=(sudo)
fi
say "deps: installing ${missing[*]}${as_root[*]:+ (with sudo)}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
require_swift
