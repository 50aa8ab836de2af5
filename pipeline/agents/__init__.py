"""The tool loop: ask, act, observe, stop; journalled turn by turn."""
