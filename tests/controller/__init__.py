"""The controller, over a real socket on a real PostgreSQL."""
