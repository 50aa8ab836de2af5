# Sourced by the other scripts: how the house speaks while it sets itself up, what it remembers to have skipped, and what
# more than one of them does.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$ROOT/.cache
SKIPPED=$CACHE/skipped
mkdir -p "$CACHE"

say() { printf '    %s\n' "$*" >&2; }
skip() {
    say "skipped: $*"
    printf '%s\n' "$*" >>"$SKIPPED"
}
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}
digest() { cat "$@" | sha256sum | cut -c1-64; }

# pip compiles what it installs, uv does not. In the sandbox nothing may be written, so that each of a change request's
# test runs would compile pytest anew; half a second here saves a demo seventeen.
compile_test_runner() {
    local site
    site=$("$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$1" -m compileall -q "$site"/{_pytest,pytest,pluggy,iniconfig,packaging}
}
