"""What runs in the target environment."""
