"""The engine that needs no other program: a base, wheels and files become layers, and an image."""
