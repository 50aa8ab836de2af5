"""Dependency environments of target repositories, one recipe per language."""
