"""What `doctor` looks at: one module a subject, each yielding findings."""
