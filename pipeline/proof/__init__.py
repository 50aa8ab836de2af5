"""The deterministic proof: what tests, diffs and scans say, never what an agent says."""
