"""What would go wrong with a deployment, found before anything is uploaded.

Nothing here changes anything, in the folder or in AWS.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from amazon_lambda_runtime.project.declaration import Project
from amazon_lambda_runtime.project.errors import ConfigError

from .aws import Aws
from .checks import account, durable, folder, image, queues, web
from .checks.finding import Finding, Skipped
from .errors import DeployError


@dataclass(slots=True)
class Report:
    """The findings, the checks that were skipped, and the checks that failed, each with why."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def settings(error: ConfigError) -> Finding:
    """Return the finding for a project that cannot be loaded."""
    return Finding(
        "settings",
        str(error),
        "AWS would refuse it, or act on it wrongly, once half of the deployment is done",
        "Correct it where it is set: in pyproject.toml, in a file that it names, in a variable "
        "or in a flag.",
    )


def examine(project: Project, aws: Aws, done: Callable[[str], object]) -> Report:
    """Run every check. `done` is called with the name of each that has ended."""
    report = Report()

    def look(name: str, check: Callable[[], Iterable[Finding]]) -> bool:
        before = len(report.findings)
        try:
            report.findings += check()
        except Skipped as error:
            report.skipped.append(str(error))
            return False
        except DeployError as error:
            report.failed.append(f"the {name}: {error}")
            return False
        finally:
            done(name)
        return len(report.findings) == before

    look("names", lambda: folder.names(project))
    look("handler", lambda: folder.handler(project))
    look("Dockerfile", lambda: folder.dockerfile(project))
    look("engine", lambda: folder.engine(project))
    look("files", lambda: folder.modes(project))
    look("failed messages", lambda: queues.declared(project))
    look("web applications", lambda: web.declared(project))
    look("durable functions", lambda: durable.declared(project))
    look("local image", lambda: image.local(project))
    # Without a usable region and credentials every further question would fail in the same way.
    if look("region", lambda: account.region(aws)) and look(
        "credentials", lambda: account.identity(project, aws)
    ):
        look("permissions", lambda: account.allowed(project, aws))
        look("image", lambda: image.registry(project, aws))
        look("lifecycle", lambda: image.lifecycle(project, aws))
        look("queues", lambda: queues.live(project, aws))
        look("live durable functions", lambda: durable.live(project, aws))
    return report
