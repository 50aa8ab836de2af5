"""How workers are started: as processes of a fork server on this machine (`process`)."""
