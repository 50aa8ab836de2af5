"""`python -m controller openapi` prints the schema that the dashboard's types are generated from."""

import json
import sys

from controller.app import bare_app


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    if arguments != ["openapi"]:
        sys.stderr.write("usage: python -m controller openapi\n")
        return 2
    sys.stdout.write(json.dumps(bare_app().openapi(), indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
