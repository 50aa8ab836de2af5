"""Models as the product uses them: `pricing` (what tokens cost), `chains` (class to provider), `gateway` (one paid call).

Imports ports, errors and limits only; providers are handed in by the composition root.
"""
