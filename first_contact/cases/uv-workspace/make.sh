. "$TRIALS/case.sh"
# a uv workspace whose members depend on one another; what tests need is in the group of its root
init
cat > pyproject.toml <<'Y'
[tool.uv.workspace]
members = ["packages/*"]
[dependency-groups]
dev = ["pytest", "pytest-mock"]
Y
mkdir -p 'packages/acme-lib'; cat > packages/acme-lib/pyproject.toml <<'Y'
[project]
name = "acme-lib"
version = "1"
dependencies = ["idna"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
Y
mkdir -p 'packages/acme-lib/src/acme_lib'; cat > packages/acme-lib/src/acme_lib/__init__.py <<'Y'
import idna

RATE = 2
Y
mkdir -p 'packages/acme-lib/tests'; cat > packages/acme-lib/tests/test_lib.py <<'Y'
from acme_lib import RATE


def test_rate():
    assert RATE == 2
Y
mkdir -p 'packages/acme-app'; cat > packages/acme-app/pyproject.toml <<'Y'
[project]
name = "acme-app"
version = "1"
dependencies = ["acme-lib"]
[tool.uv.sources]
acme-lib = { workspace = true }
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
Y
mkdir -p 'packages/acme-app/src/acme_app'; : > packages/acme-app/src/acme_app/__init__.py
mkdir -p 'packages/acme-app/src/acme_app'; cat > packages/acme-app/src/acme_app/core.py <<'Y'
from acme_lib import RATE


def add(a, b):
    return a + b
Y
mkdir -p 'packages/acme-app/tests'; cat > packages/acme-app/tests/test_app.py <<'Y'
from acme_app.core import add


def test_add():
    assert add(1, 2) == 3


def test_mock(mocker):
    assert mocker.Mock()
Y
done_
cat > test.sh <<'X'
mkdir -p 'packages/acme-app/tests'; cat > packages/acme-app/tests/test_double.py <<'Y'
import acme_app.core as calc


def test_s1_double():
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> packages/acme-app/src/acme_app/core.py
X
printf 'change\tpackages/acme-app/tests/test_double.py\ttest_s1_double\n' > proof.txt; echo packages/acme-app/src/acme_app/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
