. "$TRIALS/case.sh"
# unittest.main() without a guard
init
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
def add(a, b):
    return a + b
Y
mkdir -p 'tests'; : > tests/__init__.py
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
import unittest

from acme.core import add


class AddTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)


unittest.main()
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
import unittest

from acme import core


class DoubleTest(unittest.TestCase):
    def test_s1_double(self):
        self.assertEqual(core.double(4), 8)
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> acme/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
