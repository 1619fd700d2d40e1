"""Registries, as images go to and come from them: references, HTTP, and the distribution API."""
