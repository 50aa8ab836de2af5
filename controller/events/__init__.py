"""The event stream: what happens, as it happens, and all of it again on request."""
