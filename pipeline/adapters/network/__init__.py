"""Everything that connects outward: one address policy, one way to connect."""
