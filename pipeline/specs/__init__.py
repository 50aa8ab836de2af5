"""Behaviour specs: scenarios in Gherkin and what they promise."""
