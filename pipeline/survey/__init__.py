"""What is known of a repository before money is spent on it: a check that builds and runs what is there, without a model."""
