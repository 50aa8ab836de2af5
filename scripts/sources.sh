#!/usr/bin/env bash
# Fetches the source trees that the acceptance tests work on into .cache/sdists: two releases each of two packages.
#
# pip asks an sdist's back end for metadata while it downloads. The archives are checked by hash before that, and without
# build isolation the only back ends it can run are those pinned by hash in requirements/uv.txt.
set -euo pipefail
source "$(dirname "$0")/report.sh"

place=$CACHE/sdists
locks=("$ROOT/requirements/acceptance-before.txt" "$ROOT/requirements/acceptance-after.txt")
wanted=$(digest "${locks[@]}")
[ "$(cat "$place/.digest" 2>/dev/null)" = "$wanted" ] && exit

"$ROOT/scripts/environment.sh" tools
say "fetching the source trees for the acceptance tests"
rm -rf "$place"
mkdir -p "$place"
for lock in "${locks[@]}"; do
    "$CACHE/tools/bin/python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --no-binary :all: \
        --no-build-isolation --require-hashes -r "$lock" -d "$place"
done
printf '%s' "$wanted" >"$place/.digest"
