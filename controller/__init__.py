"""The door: HTTP, dispatch, gates, event streams, background work. One composition root: `app`."""
