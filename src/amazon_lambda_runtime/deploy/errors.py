"""What goes wrong in a deployment, each as one line that says what to do."""

import re

# AWS's codes for what is not there, without the service's own prefix ("AWS.SimpleQueueService.").
_NOT_FOUND = re.compile(
    r"NoSuch\w+|\w*(NotFound|NotFoundException|NonExistentQueue|DoesNotExist)|404"
)
# And for what is there already.
_EXISTS = re.compile(r"\w*AlreadyExists(Exception)?|DuplicateTargetGroupName|PriorityInUse")


class DeployError(Exception):
    """Raised when a deployment cannot go on; the message is one line for the user."""


class SmokeTestFailed(DeployError):
    """Raised when the new version fails its smoke test; the alias has not moved."""


class AwsError(DeployError):
    """Raised when AWS refuses a request. `code` and `text` are AWS's own words."""

    def __init__(self, operation: str, code: str, text: str, hint: str = "") -> None:
        self.operation, self.code, self.text = operation, code, " ".join(text.split())
        self.not_found = bool(_NOT_FOUND.fullmatch(code.rpartition(".")[2]))
        self.exists = bool(_EXISTS.fullmatch(code)) or (
            # Lambda has one code for what exists (a function, an alias, a statement, a mapping, a
            # URL) and for what is busy; only the text tells them apart.
            code == "ResourceConflictException" and "exist" in text
        )
        super().__init__(f"{operation}: {code}: {self.text}{f' - {hint}' if hint else ''}")


class LostReply(AwsError):
    """Raised when no reply came: the request may have been carried out, or not."""
