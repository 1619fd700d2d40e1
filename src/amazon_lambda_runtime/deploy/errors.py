"""What goes wrong in a deployment, each as one line that says what to do."""


class DeployError(Exception):
    """Raised when a deployment cannot go on; the message is one line for the user."""


class SmokeTestFailed(DeployError):
    """Raised when the new version fails its smoke test; the alias has not moved."""
