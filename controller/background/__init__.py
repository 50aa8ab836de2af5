"""Work that no request waits for: supervision, bells, events, dispatch, worker deaths, reaper, outbox, timers."""
