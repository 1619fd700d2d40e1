"""Who may do what, as IAM documents."""
