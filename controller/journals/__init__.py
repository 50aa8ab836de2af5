"""Journals as files: export, import, and what was imported."""
