. "$TRIALS/case.sh"
# modules at the root with names of the standard library
init
cat > types.py <<'Y'
KINDS = ['a']
Y
cat > calendar.py <<'Y'
DAYS = 7
Y
cat > core.py <<'Y'
def add(a, b):
    return a + b
Y
: > conftest.py
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from core import add


def test_add():
    assert add(1, 2) == 3


def test_days():
    import calendar
    assert getattr(calendar, 'DAYS', 7) == 7
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
import core as calc


def test_s1_double():
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
