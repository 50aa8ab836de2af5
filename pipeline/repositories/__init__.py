"""Target repositories from outside: addresses, branch names, paths, and what their files say they are made of."""
