"""Log records: their form, the hook that begins them, and where they go."""
