#!/usr/bin/env bash
# Makes sure of what only the system can give. Usage: system.sh [browser]
#
# As root on a machine with apt, exactly what is missing is installed. Anyone else is told what is missing: what nothing
# works without is an error, what some checks need is skipped and listed at the end of `make test`.
set -euo pipefail
source "$(dirname "$0")/report.sh"

missing=()
has() { command -v "$1" >/dev/null 2>&1; }
need() { has "$1" || missing+=("$2"); }

can_make_environments() { "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_browser() {
    for name in chromium chromium-browser google-chrome; do has "$name" && return; done
    return 1
}

install_missing() {
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || ! has apt-get; then return; fi
    say "installing with apt: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >"$CACHE/apt.log" 2>&1 ||
        fail "apt could not install ${missing[*]}; see $CACHE/apt.log."
}

check_python() {
    "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Python 3.11 or later is needed. Name it with: make PYTHON=/path/to/python3 …"
    can_make_environments || fail "Python cannot make virtual environments here; install python3-venv."
}

if [ "${1:-}" = browser ]; then
    find_browser || missing+=(chromium fonts-dejavu-core)
    # The driver of the browser tests brings its own Node, which wants this library.
    ldconfig -p 2>/dev/null | grep -q 'libatomic\.so\.1' || missing+=(libatomic1)
    install_missing
    find_browser || skip "browser tests: no chromium here, and only root can install it"
    exit
fi

need git git
need make make
need bwrap bubblewrap
has "${PYTHON:-python3}" || missing+=(python3)
can_make_environments || missing+=(python3-venv)
install_missing
has git || fail "git is needed; install it with your system's package manager."
check_python
has bwrap || skip "isolation of tool processes: bubblewrap is not installed, and only root can install it"
