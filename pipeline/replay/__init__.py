"""Offline replay: a finished change request's decisions, made again from its journal by the present code.

Read in this order: `recording` (what was recorded), `file` (how it travels), `script` (the recorded entries as the world
a conversation is replayed in), `conversations`, `verdicts`, `line`, `report` (all of it together). Imports the pipeline;
knows no database, no network, no clock.
"""
