"""Forges: where branches, pull requests and merges live."""
