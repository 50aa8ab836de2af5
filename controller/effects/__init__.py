"""Effects: what was or will be changed outside, and the dead letters among them."""
