"""Figures over many change requests: throughput, durations, loops, money."""
