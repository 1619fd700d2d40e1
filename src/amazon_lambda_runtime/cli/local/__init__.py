"""The commands of a day on this machine."""
