"""Decisions that wait for people: what they are about, and how they stand."""
