"""Changes that want to pass without being right, and honest ones beside them, each carried through the whole line."""
