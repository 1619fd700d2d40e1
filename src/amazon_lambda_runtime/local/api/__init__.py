"""What callers speak: Invoke, the Runtime and Extensions APIs, function URLs, the console."""
