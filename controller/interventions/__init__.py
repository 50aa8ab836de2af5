"""What people tell a change request: a receipted queue."""
