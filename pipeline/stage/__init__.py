"""What every stage works with: its run, its state, the ports it may use, specs, trees, test runs and effects."""
