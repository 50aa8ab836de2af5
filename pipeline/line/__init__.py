"""The line as a whole: its graph, where each stage leads, how a stage runs as a node and goes on after a stop."""
