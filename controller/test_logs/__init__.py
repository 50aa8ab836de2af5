"""The whole logs of test runs."""
