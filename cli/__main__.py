"""`python -m cli`: the same as the `changeline` command."""

import sys

from cli.main import main

sys.exit(main())
