"""What a request says between the lines: patterns, hidden text, and the flags that follow."""
