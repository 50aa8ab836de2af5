"""Gates: the inbox of decisions that wait for people."""
