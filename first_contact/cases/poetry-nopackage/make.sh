. "$TRIALS/case.sh"
# poetry with package-mode = false: an application
init
mkdir -p 'app'; : > app/__init__.py
mkdir -p 'app'; cat > app/core.py <<'Y'
import idna


def add(a, b):
    return a + b
Y
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from app.core import add


def test_add():
    assert add(1, 2) == 3


def test_mock(mocker):
    assert mocker.Mock()
Y
cat > pyproject.toml <<'Y'
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = "^3.10"
idna = "^3.4"
[tool.poetry.group.test.dependencies]
pytest = "^8"
pytest-mock = "^3"
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
import app.core as calc


def test_s1_double():
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> app/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo app/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
