"""Model calls: provider chains, reservations, prices."""
