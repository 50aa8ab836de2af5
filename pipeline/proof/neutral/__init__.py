"""The neutral witness: the same assertions without a runner and under other names agree with the runner."""
