"""Registered repositories."""
