#!/usr/bin/env bash
# Compiles every lock file anew from what pyproject.toml and requirements/*.in ask for. `lock.sh --upgrade` also takes
# newer releases. No lock carries a comment or an index address: they hold names, versions, markers and hashes only.
set -euo pipefail
source "$(dirname "$0")/report.sh"

"$ROOT/scripts/environment.sh" tools
cd "$ROOT"
compile() {
    "$CACHE/tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --generate-hashes "$@"
}
# What is tested is what runs: an extra may hold a version back, and then it is held back for everybody.
compile "$@" pyproject.toml --all-extras --group dev -o requirements/dev.txt
compile "$@" pyproject.toml --constraint requirements/dev.txt -o requirements/runtime.txt
compile "$@" requirements/uv.in -o requirements/uv.txt
compile "$@" requirements/node.in -o requirements/node.txt
compile "$@" requirements/builders.in -o requirements/builders.txt
