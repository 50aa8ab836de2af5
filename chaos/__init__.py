"""`make chaos`: ends real processes at chosen moments and compares what comes out with an undisturbed run.

Read in this order: `plan` (what is done when, from a seed), `installation` (the processes), `disturbing` (how each is
ended, frozen or cut off), `journey` (one change request through its disturbances), `outcome` (what is compared),
`campaign` (all of them, resumable), `report`. Imports anything; nobody imports it but its tests.
"""
