#!/usr/bin/env bash
# What `make test` and CI run. Quick checks first, side by side, each section printed whole; then the tests, as they go,
# beside the test of the installed wheel, whose section follows. Everything runs to its end; one failure fails the whole.
set -uo pipefail
source "$(dirname "$0")/report.sh"
cd "$ROOT"

house() { make --no-print-directory "$@"; }

: >"$SKIPPED"
house dev browser || exit
house --keep-going --jobs 2 --output-sync=target lint types dashboard-check sources || exit

wheel=$CACHE/wheel-test.log
house wheel-test >"$wheel" 2>&1 &
beside=$!
trap 'kill "$beside" 2>/dev/null' EXIT
failed=0
house pytest || failed=1
wait "$beside" || failed=1
cat "$wheel"
house skips
printf '\n=== Total ===\n%d min %02d s%s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$([ "$failed" = 0 ] || echo ', and something failed')"
exit "$failed"
