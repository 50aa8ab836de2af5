"""The hands: takes a lease, runs the graph, reports, releases. One composition root: `wiring`."""
