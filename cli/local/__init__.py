"""`changeline up`: real servers on one machine, without a container engine or a system database.

Read in this order: `servers` (what a caller opens), `up` (the whole life of `up`, `status` and `down`), `data_directory`
(what lies on the disk), `postgres` and `redis` (the two servers), `supervisor` and `guard` (who keeps and who ends the
processes), `backup`, `external` (a database that somebody else runs). Nothing here knows HTTP or the store's tables;
the caller brings migrations and children along as callbacks.
"""
