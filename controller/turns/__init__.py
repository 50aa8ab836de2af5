"""What single turns of agents changed."""
