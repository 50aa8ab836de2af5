"""Work in progress, saved turn by turn: what may leave the machine, where it lies, what each turn changed."""
