"""One SDK or tool per module, each behind a port."""
