. "$TRIALS/case.sh"
# a script with set -e that says nothing at all when a comparison fails
init; mkdir tests
printf '#!/bin/sh\necho $(($1 + $2))\n' > add; printf '#!/bin/sh\necho $1\n' > double; printf '#!/bin/sh\nset -e\nfor t in tests/test_*.sh; do sh -e "$t"; done\n' > run-tests; chmod +x add double run-tests
printf '[ "$(./add 1 2)" = 3 ]\n' > tests/test_add.sh; done_
test_file tests/test_double.sh <<'Y'
[ "$(./double 4)" = 8 ]
Y
code_does "printf '#!/bin/sh\necho \$((\$1 * 2))\n' > double"
hands_in tests/test_double.sh "double" double
