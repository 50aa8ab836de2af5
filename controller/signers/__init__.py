"""The keys by which this installation signs evidence, for those who verify it."""
