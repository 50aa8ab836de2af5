"""Changes outside: what is intended, and what other systems are told."""
