#!/usr/bin/env bash
# Makes .venv hold exactly what a lock file names, and this checkout. Usage: environment.sh runtime|dev|tools
#
# uv comes from PyPI by hash into an environment of its own, so that it can make .venv exact without removing itself.
# An environment that already fits is left alone in milliseconds. A .venv that is a link belongs to someone else: it is
# used as it is and never changed.
set -euo pipefail
source "$(dirname "$0")/report.sh"

kind=$1
tools=$CACHE/tools
venv=$ROOT/.venv
mark=$venv/.changeline-environment

make_tools() {
    local wanted
    wanted=$(digest "$ROOT/requirements/uv.txt")
    [ "$(cat "$tools/.digest" 2>/dev/null)" = "$wanted" ] && return
    "$ROOT/scripts/system.sh"
    say "making the environment of the build tools"
    rm -rf "$tools"
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: -r "$ROOT/requirements/uv.txt"
    printf '%s' "$wanted" >"$tools/.digest"
}

sync() {
    say "making .venv hold requirements/$kind.txt"
    [ -x "$venv/bin/python" ] || "$tools/bin/uv" venv --quiet --no-python-downloads --python "${PYTHON:-python3}" "$venv"
    rm -f "$mark"
    "$tools/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes "$ROOT/requirements/$kind.txt"
    "$tools/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps \
        --build-constraints "$ROOT/requirements/uv.txt" --editable "$ROOT"
    compile_test_runner "$venv/bin/python"
    printf '%s' "$kind $wanted" >"$mark"
}

if [ -L "$venv" ]; then
    say ".venv is a link: used as it is, nothing is installed into it"
    exit
fi
make_tools
[ "$kind" = tools ] && exit

# A development environment holds everything that running needs, so that `make demo` after `make test` changes nothing.
wanted=$(digest "$ROOT/pyproject.toml" "$ROOT/requirements/dev.txt")
[ "$(cat "$mark" 2>/dev/null)" = "dev $wanted" ] && exit
if [ "$kind" = runtime ]; then
    wanted=$(digest "$ROOT/pyproject.toml" "$ROOT/requirements/runtime.txt")
    [ "$(cat "$mark" 2>/dev/null)" = "runtime $wanted" ] && exit
fi
sync
