"""Repositories of the shapes that people have, each carried through the whole line, with the end that a user expects."""
