"""Which tools a role may hold, said once so that the loop, the roles and the sandbox agree."""

from enum import StrEnum


class ToolSet(StrEnum):
    """What an agent may do besides submitting its result."""

    NONE = "none"
    """No tool: the prompt holds all there is to judge."""
    READ_ONLY = "read_only"
    """Look around: commands and views that leave the work tree as it is."""
    EDIT = "edit"
    """Run commands and change files in the work tree."""
