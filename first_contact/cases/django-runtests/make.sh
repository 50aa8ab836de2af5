. "$TRIALS/case.sh"
# a reusable Django application with a runtests.py and tox factors
init
cat > runtests.py <<'Y'
import os, sys

import django
from django.conf import settings
from django.test.utils import get_runner

if __name__ == '__main__':
    os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'
    django.setup()
    runner = get_runner(settings)(verbosity=2)
    sys.exit(bool(runner.run_tests(['tests'])))
Y
mkdir -p 'acme'; : > acme/__init__.py
mkdir -p 'acme'; cat > acme/core.py <<'Y'
def add(a, b):
    return a + b
Y
mkdir -p 'acme'; cat > acme/models.py <<'Y'
from django.db import models


class Item(models.Model):
    name = models.CharField(max_length=5)

    class Meta:
        app_label = 'acme'
Y
mkdir -p 'tests'; : > tests/__init__.py
mkdir -p 'tests'; cat > tests/settings.py <<'Y'
SECRET_KEY = 'x'
INSTALLED_APPS = ['acme']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
Y
mkdir -p 'tests'; cat > tests/test_core.py <<'Y'
from django.test import TestCase

from acme.core import add
from acme.models import Item


class AddTest(TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)
        self.assertEqual(str(Item._meta.label), 'acme.Item')
Y
cat > setup.py <<'Y'
from setuptools import setup
setup(name='acme', version='1', packages=['acme'], install_requires=['django>=4.2'])
Y
cat > tox.ini <<'Y'
[tox]
envlist = py{310,311}-django{42,50}
[testenv]
deps =
    django42: django>=4.2,<5
    django50: django>=5.0,<5.1
commands = python runtests.py
Y
done_
cat > test.sh <<'X'
mkdir -p 'tests'; cat > tests/test_double.py <<'Y'
from django.test import SimpleTestCase

from acme import core


class DoubleTest(SimpleTestCase):
    def test_s1_double(self):
        self.assertEqual(core.double(4), 8)
Y
X
cat > code.sh <<'X'
printf '\n\ndef double(n):\n    return n * 2\n' >> acme/core.py
X
printf 'change\ttests/test_double.py\ttest_s1_double\n' > proof.txt; echo acme/core.py > paths.txt
req "# Double a number" "" "double(n) returns n times 2."
