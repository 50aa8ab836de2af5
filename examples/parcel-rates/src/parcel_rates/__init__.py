"""Prices for parcels by destination, weight and size."""
