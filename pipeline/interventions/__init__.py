"""What people say to a change request, typed from the door to the stage."""
