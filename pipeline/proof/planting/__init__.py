"""A failure at the end of every test of a file, written in the language of the file."""
