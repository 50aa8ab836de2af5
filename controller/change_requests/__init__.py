"""Change requests: submit, list, look at."""
