"""Model providers: each translates the one dialect of `pipeline/ports/messages.py` to its own and back."""
