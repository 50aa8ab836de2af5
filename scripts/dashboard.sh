#!/usr/bin/env bash
# The dashboard's verbs. Usage: dashboard.sh build|check|types
set -euo pipefail
source "$(dirname "$0")/report.sh"
source "$(dirname "$0")/node.sh"

cd "$ROOT/dashboard"
built=$CACHE/dashboard-built-from
checked=$CACHE/dashboard-checked

sources() { git -C "$ROOT" ls-files -co --exclude-standard dashboard | sort | (cd "$ROOT" && xargs -d '\n' sha256sum) | digest; }

install_packages() {
    local wanted
    wanted=$(digest package-lock.json)
    [ "$(cat node_modules/.digest 2>/dev/null)" = "$wanted" ] && return
    say "installing the dashboard's packages"
    npm ci --silent --no-audit --no-fund --ignore-scripts
    printf '%s' "$wanted" >node_modules/.digest
}

build() {
    local wanted
    wanted=$(sources)
    [ -f "$ROOT/controller/_dashboard/index.html" ] && [ "$(cat "$built" 2>/dev/null)" = "$wanted" ] && return
    use_node
    install_packages
    say "building the dashboard"
    npm run --silent build
    printf '%s' "$wanted" >"$built"
}

# What was found right is not looked at again until a file of the dashboard changes.
check() {
    local wanted
    wanted=$(sources)
    [ "$(cat "$checked" 2>/dev/null)" = "$wanted" ] && say "nothing of it changed since it was checked" && return
    use_node
    install_packages
    npm run --silent lint &
    local lint=$! right=yes
    npm run --silent fresh && npm run --silent test || right=no
    wait "$lint" || right=no
    [ "$right" = yes ]
    printf '%s' "$wanted" >"$checked"
}

types() {
    use_node
    install_packages
    npm run --silent types
}

"${1:?build, check or types}"
