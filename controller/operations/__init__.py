"""What operators and machines ask: alive, ready, metrics, the audit log."""
