"""The checks of `doctor`: one file a subject, each yielding findings."""
