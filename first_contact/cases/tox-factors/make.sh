. "$TRIALS/case.sh"
# tox with factors: dependencies hang on the second one
init
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
import idna


def add(a, b):
    return a + b
Y
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from acme.core import add


def test_add():
    assert add(1, 2) == 3


def test_mock(mocker):
    assert mocker.Mock()
Y
cat > setup.py <<'Y'
from setuptools import setup
setup(name='acme', version='1', packages=['acme'])
Y
cat > tox.ini <<'Y'
[tox]
envlist =
    lint
    py{310,311}-idna{36,37}
[testenv]
deps =
    pytest
    pytest-mock
    idna36: idna==3.6
    idna37: idna==3.7
setenv =
    ACME_MODE = test
commands = pytest {posargs}
[testenv:lint]
deps = ruff
commands = ruff check
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
