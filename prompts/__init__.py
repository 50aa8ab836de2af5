"""Prompts as package data: `<stage>/<role>.md`, strict variables; the content hash is recorded with each call."""
