"""How a change is written: tests before code, commits, the way onto another base, and what a person hands back."""
