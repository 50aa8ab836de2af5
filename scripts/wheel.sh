#!/usr/bin/env bash
# Builds the wheel once into .cache/dist. With `test`: installs it into an empty environment outside the checkout and
# runs tests/wheel against that installation.
set -euo pipefail
source "$(dirname "$0")/report.sh"

"$ROOT/scripts/environment.sh" tools
uv=$CACHE/tools/bin/uv
[ -x "$uv" ] || fail "the build tools are not installed; remove the linked .venv or run scripts/environment.sh tools."
rm -rf "$CACHE/dist"
"$uv" build --quiet --wheel --no-build-isolation --python "$CACHE/tools/bin/python" --out-dir "$CACHE/dist" "$ROOT"
wheel=$(echo "$CACHE"/dist/*.whl)
say "built $(basename "$wheel"), $(du -k "$wheel" | cut -f1) kB"
[ "${1:-}" = test ] || exit 0

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
say "installing it into an empty environment outside the checkout"
"$uv" venv --quiet --no-python-downloads --python "$CACHE/tools/bin/python" "$place/venv"
"$uv" pip sync --quiet --python "$place/venv/bin/python" --require-hashes "$ROOT/requirements/runtime.txt"
"$uv" pip install --quiet --python "$place/venv/bin/python" --no-deps "$wheel"
compile_test_runner "$place/venv/bin/python"
cd "$ROOT"
WHEEL_ENVIRONMENT=$place/venv .venv/bin/python -m pytest -q -rs tests/wheel
