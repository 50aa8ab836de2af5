"""Learnings that retrospectives propose and people approve."""
