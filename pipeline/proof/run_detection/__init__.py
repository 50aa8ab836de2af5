"""Constructs by which code finds out how it is run, by the syntax trees of five languages."""
