"""The command line: thin commands over the HTTP API, and `up`, which runs everything on one machine."""
