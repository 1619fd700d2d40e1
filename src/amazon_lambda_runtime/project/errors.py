"""What is wrong with what a project declares, as one line that says what to do."""


class ConfigError(Exception):
    """Raised for a project file, a variable or a flag that cannot be used."""
