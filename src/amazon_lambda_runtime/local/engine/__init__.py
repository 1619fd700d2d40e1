"""The engine: execution environments, their processes, scheduling, the log and the journal."""
