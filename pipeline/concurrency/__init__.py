"""Several things at once: started together, ended together, woken together."""
