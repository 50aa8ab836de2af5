. "$TRIALS/case.sh"
# every test needs an environment variable
init
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
def add(a, b):
    return a + b
Y
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
import acme.config
from acme.core import add


def test_add():
    assert add(1, 2) == 3
Y
mkdir -p 'acme'; cat > acme/config.py <<'Y'
import os

TOKEN = os.environ['ACME_TOKEN']
Y
mkdir -p 'tests'; cat > tests/test_config.py <<'Y'
from acme.config import TOKEN


def test_token():
    assert TOKEN
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
import acme.config
import acme.core as calc


def test_s1_double():
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> acme/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
