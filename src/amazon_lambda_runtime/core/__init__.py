"""The runtime: all that a cold start loads, and what it loads only when it is needed."""
