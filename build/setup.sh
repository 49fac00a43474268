#!/bin/sh
# Installs the Debian packages that a job needs and that are missing.
#
#   build/setup.sh run|test|debug [gcc]
#
# Looks at files only, so that it costs milliseconds and calls no package manager when
# everything is there. It needs to be root, or sudo without a password; else it names the
# missing packages and fails.
set -eu

missing=

# need PACKAGE PATTERN: PACKAGE is missing unless PATTERN (a command's name, or a path that
# may hold wildcards) is there.
need() {
    case $2 in
    /*) for path in $2; do [ ! -e "$path" ] || return 0; done ;;
    *) ! command -v "$2" >/dev/null 2>&1 || return 0 ;;
    esac
    missing="$missing $1"
}

need_build() {
    need clang-19 clang-19
    need lld-19 ld.lld-19
    need llvm-19 llvm-nm-19
    need python3 python3
    need xz-utils xz
    need libgcc-12-dev-arm64-cross '/usr/lib/gcc-cross/aarch64-linux-gnu/*/libgcc.a'
}

need_run() {
    need_build
    need qemu-system-arm qemu-system-aarch64
}

need_gcc() {
    need gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
}

need_test() {
    need_run
    need_gcc
    need clang-format-19 clang-format-19
    need libclang-rt-19-dev '/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.asan*.a'
    need qemu-user qemu-aarch64
    need libc6-dev-arm64-cross /usr/aarch64-linux-gnu/include/stdio.h
    need libcmocka-dev /usr/include/cmocka.h
    need spin spin
    need device-tree-compiler dtc
}

need_debug() {
    need_run
    need gdb-multiarch gdb-multiarch
}

for job in "$@"; do
    case $job in
    build | run | gcc | test | debug) "need_$job" ;;
    format) need clang-format-19 clang-format-19 ;;
    *) echo "setup: no such job: $job" >&2 && exit 2 ;;
    esac
done
[ -n "$missing" ] || exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

if [ "$(id -u)" = 0 ]; then
    as_root=env
elif sudo -n true 2>/dev/null; then
    as_root='sudo -n env'
else
    echo "setup: missing packages: $missing" >&2
    echo "setup: install them as root: apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "setup: no apt-get here; missing (Debian names): $missing" >&2
    exit 1
fi

echo "setup: installing: $missing" >&2
# The lock is waited for: another build on the machine may be installing as well.
apt() {
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq "$@" >&2
}
apt update
apt install -y --no-install-recommends $missing
