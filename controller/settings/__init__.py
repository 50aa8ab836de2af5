"""Versioned runtime settings."""
