"""The only module group that starts git: commands, caches, remotes, trees."""
