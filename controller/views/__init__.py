"""What people look at in a change request: spec, diff, tests, findings, cost, conversation, evidence."""
