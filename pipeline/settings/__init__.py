"""Settings: what a process is told when it starts (`process`), and what operators change while it runs (`runtime`)."""
