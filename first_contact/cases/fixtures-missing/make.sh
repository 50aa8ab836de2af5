. "$TRIALS/case.sh"
# every test uses a fixture of a plugin that only the CI file installs
init
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
def add(a, b):
    return a + b
Y
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from acme.core import add


def test_add(mocker):
    assert add(1, 2) == 3
Y
mkdir -p '.github/workflows'; cat > .github/workflows/ci.yml <<'Y'
on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
    - run: pip install pytest pytest-mock
    - run: pytest
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
import acme.core as calc


def test_s1_double(mocker):
    assert calc.double(4) == 8
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> acme/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
