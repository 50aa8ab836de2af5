"""Programs that run inside the sandbox, with the interpreter of a repository: standard library alone, read as text, never imported."""
