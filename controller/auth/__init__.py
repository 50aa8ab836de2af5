"""Who is asking: bearer tokens, one-time links, session cookies, and the checks of Host and Origin."""
