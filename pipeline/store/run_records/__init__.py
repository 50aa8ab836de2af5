"""What a run keeps and reads again, one class per subject, on the worker's own connections: short transactions, safe to repeat."""
