. "$TRIALS/case.sh"
# test files and functions with other names
init
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
def add(a, b):
    return a + b
Y
mkdir -p 'checks'; cat > checks/check_core.py <<'Y'
from acme.core import add


def check_add():
    assert add(1, 2) == 3
Y
cat > pytest.ini <<'Y'
[pytest]
python_files = check_*.py
python_functions = check_*
testpaths = checks
Y
done_
cat > test.sh <<'X'
mkdir -p 'checks'; cat > checks/check_double.py <<'Y'
import acme.core as calc


def check_s1_double():
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> acme/core.py
X
printf 'change\tchecks/check_double.py\tcheck_s1_double\n' > proof.txt; echo acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
