"""What a project declares: the table of pyproject.toml, and all that it names. No AWS is asked."""
