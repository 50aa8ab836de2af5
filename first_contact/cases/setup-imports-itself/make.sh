. "$TRIALS/case.sh"
# setup.py imports the package, which imports its dependency
init
mkdir -p 'acme'; cat > acme/__init__.py <<'Y'
import idna

__version__ = '1.0'
Y
mkdir -p 'acme'; cat > acme/core.py <<'Y'
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
cat > requirements.txt <<'Y'
idna
Y
cat > requirements-dev.txt <<'Y'
-r requirements.txt
pytest
pytest-mock
Y
cat > setup.py <<'Y'
from setuptools import setup
import acme

setup(name='acme', version=acme.__version__, packages=['acme'], install_requires=open('requirements.txt').read().split())
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
