"""What the table of a project declares, started on this machine."""
