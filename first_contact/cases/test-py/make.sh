. "$TRIALS/case.sh"
# all tests in test.py
init
cat > calc.py <<'Y'
def add(a, b):
    return a + b
Y
cat > test.py <<'Y'
import unittest

from calc import add


class AddTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)


if __name__ == '__main__':
    unittest.main()
Y
done_
cat > test.sh <<'X'
cat > test_double.py <<'Y'
import unittest

import calc


class DoubleTest(unittest.TestCase):
    def test_s1_double(self):
        self.assertEqual(calc.double(4), 8)
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> calc.py
X
printf 'change\ttest_double.py\ttest_s1_double\n' > proof.txt; echo calc.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
