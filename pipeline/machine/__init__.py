"""What this machine holds and runs out of: directories that others write, disk and memory."""
