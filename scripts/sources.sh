#!/usr/bin/env bash
# Fetches what tests work on: into .cache/sdists the source trees of the acceptance tests, two releases each of two packages;
# into .cache/wheels the back ends and tools that the tests of Python environments build small repositories with.
#
# pip asks an sdist's back end for metadata while it downloads. The archives are checked by hash before that, and without
# build isolation the only back ends it can run are those pinned by hash in requirements/uv.txt.
set -euo pipefail
source "$(dirname "$0")/report.sh"

# fetch PLACE WHAT LOCK... -- OPTION...: fill a directory with what the locks name, unless it holds exactly that.
fetch() {
    local place=$CACHE/$1 what=$2 locks=() wanted
    shift 2
    while [ "$1" != -- ]; do locks+=("$ROOT/requirements/$1"); shift; done
    shift
    wanted=$(digest "${locks[@]}")
    [ "$(cat "$place/.digest" 2>/dev/null)" = "$wanted" ] && return
    "$ROOT/scripts/environment.sh" tools
    say "fetching $what"
    rm -rf "$place"
    mkdir -p "$place"
    for lock in "${locks[@]}"; do
        "$CACHE/tools/bin/python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps "$@" \
            --require-hashes -r "$lock" -d "$place"
    done
    printf '%s' "$wanted" >"$place/.digest"
}

fetch sdists "the source trees for the acceptance tests" acceptance-before.txt acceptance-after.txt -- \
    --no-binary :all: --no-build-isolation
fetch wheels "the wheels for the tests of Python environments" builders.txt -- --only-binary :all:
