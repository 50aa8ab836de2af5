. "$TRIALS/case.sh"
# requirements folder as cookiecutters have it: base, local, production
init
mkdir -p 'config'; : > config/__init__.py
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
import idna


def add(a, b):
    return a + b
Y
mkdir -p 'tests'; : > tests/__init__.py
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from acme.core import add


def test_add():
    assert add(1, 2) == 3


def test_mock(mocker):
    assert mocker.Mock()
Y
mkdir -p 'requirements'; cat > requirements/base.txt <<'Y'
idna==3.7
Y
mkdir -p 'requirements'; cat > requirements/local.txt <<'Y'
-r base.txt
-c constraints.txt
pytest
pytest-mock
Y
mkdir -p 'requirements'; cat > requirements/production.txt <<'Y'
-r base.txt
gunicorn
Y
mkdir -p 'requirements'; cat > requirements/constraints.txt <<'Y'
pytest-mock<4
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
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
