"""Containment of tool processes: what they see, use up and leave behind."""
