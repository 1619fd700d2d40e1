"""What runs a function: its environments, their processes, and what is told of them."""
