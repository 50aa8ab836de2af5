. "$TRIALS/case.sh"
# poetry 2: project table beside poetry's own, a path dependency, a dev group
init
mkdir -p 'src/acme'; cat > src/acme/__init__.py <<'Y'
import idna, acme_money
Y
mkdir -p 'src/acme'; cat > src/acme/core.py <<'Y'
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
cat > pyproject.toml <<'Y'
[project]
name = "acme"
version = "1.0"
requires-python = ">=3.10,<4.0"
dependencies = ["idna (>=3.4,<4.0)", "acme-money"]
[project.optional-dependencies]
extra = ["attrs"]
[tool.poetry]
packages = [{include = "acme", from = "src"}]
[tool.poetry.dependencies]
acme-money = { path = "money", develop = true }
[tool.poetry.group.dev.dependencies]
pytest = "^8.0 || ^9.0"
pytest-mock = "^3.14"
colorama = { version = "*", markers = "sys_platform == 'win32'" }
[build-system]
requires = ["poetry-core>=2.0.0,<3.0.0"]
build-backend = "poetry.core.masonry.api"
Y
mkdir -p 'money'; cat > money/pyproject.toml <<'Y'
[project]
name = "acme-money"
version = "1"
[build-system]
requires = ["poetry-core>=2"]
build-backend = "poetry.core.masonry.api"
Y
mkdir -p 'money/acme_money'; cat > money/acme_money/__init__.py <<'Y'
RATE = 1
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
printf '\n\ndef double(n):\n    return n * 2\n' >> src/acme/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo src/acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
