"""The things in AWS that a deployment makes, one kind a file."""
