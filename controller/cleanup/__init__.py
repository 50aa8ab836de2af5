"""What becomes of the artifacts of a change request that ended or was stopped."""
