#!/usr/bin/env bash
# Makes dist/derphole-VERSION-linux-ARCH.tar.gz: bin/, and in lib/ every shared library that the programs need
# except the C library's own. Then runs an unpacked copy where nothing else can be found.
source "$(dirname "$0")/common.sh"
source "$root/scripts/processes.sh"

require_binaries "${programs[@]}"
version=$("$bin/derphole" version | grep -oE '[0-9]+(\.[0-9]+)+[A-Za-z0-9.+-]*' | head -n 1) || version=
name="derphole-${version:-0}-linux-$(uname -m)"
tree="$scratch/$name"
mkdir -p "$tree/bin" "$tree/lib" dist

# The C library must be the system's: it belongs to its loader and to the name service.
c_library='^(libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl|libnsl|ld-linux.*)\.so'

# libraries FILE…: "name path" of everything the loader would load.
libraries() { ldd "$@" | awk '$2 == "=>" { print $1, $3 }' | sort -u; }

for program in "${programs[@]}"; do
  install -m 755 "$bin/$program" "$tree/bin/$program"
  strip "$tree/bin/$program"
done
while read -r library path; do
  [[ $library =~ $c_library ]] || install -m 644 "$(readlink -f "$path")" "$tree/lib/$library"
done < <(libraries "${programs[@]/#/$bin/}")
install -m 644 README.md "$tree/README.md"

# In a folder with nothing but the C library, as root of a namespace of our own.
verify_in_bare_root() {
  local bare=$scratch/bare path
  mkdir -p "$bare/proc" "$bare/dev" "$bare/etc" "$bare/tmp"
  cp -r "$tree" "$bare/derphole"
  while read -r library path; do
    [[ ! $library =~ $c_library ]] || install -D -m 755 "$(readlink -f "$path")" "$bare$path"
  done < <(libraries "${programs[@]/#/$bin/}")
  path=$(ldd "$bin/derphole" | grep -oE '/[^ ]*/ld-linux[^ ]*' | head -n 1)
  install -D -m 755 "$(readlink -f "$path")" "$bare$path"
  unshare --mount --map-root-user bash -euo pipefail -c '
    mount --rbind /proc "$1/proc"; mount --rbind /dev "$1/dev"
    for program in derphole derptun derprelay simulate; do
      chroot "$1" "/derphole/bin/$program" --help >/dev/null
    done
    chroot "$1" /derphole/bin/derphole version' bare "$bare"
}

# Without such a namespace: the loader itself tells where it would take each library from.
verify_by_loader() {
  local library path
  while read -r library path; do
    [[ $library =~ $c_library || $path == "$tree/"* ]] || die "$library would come from $path"
  done < <(LD_LIBRARY_PATH='' libraries "$tree"/bin/*)
}

verify_by_loader
if unshare --mount --map-root-user true 2>/dev/null; then
  verify_in_bare_root >/dev/null || die "the copy does not run where only the C library is"
  checked="runs where only the C library is"
else
  checked="takes every library but the C library's from lib/"
fi
# The same input gives the same archive.
tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
  -cf - "$name" | gzip -9n >"dist/$name.tar.gz"
say "dist/$name.tar.gz: $(du -h "dist/$name.tar.gz" | cut -f1), $(find "$tree/lib" -type f | wc -l) libraries; $checked"
