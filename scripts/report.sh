# Sourced by the other scripts: how the house speaks while it sets itself up, and what it remembers to have skipped.

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
