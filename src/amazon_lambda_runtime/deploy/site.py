"""A project in an account and a region: the names that follow, and what is ours there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from amazon_lambda_runtime.project.declaration import Function, Project

from .aws import Aws
from .errors import DeployError

#: The tag of everything that is created; what does not carry it is not ours.
PROJECT_TAG = "lambda-runtime:project"
#: The alias that triggers point at, and that a release moves.
LIVE = "live"


@dataclass(frozen=True)
class Site:
    """A project in an account. `digest` is the image's, None until it is known."""

    project: Project
    aws: Aws
    digest: str | None = None
    #: Whether a release moves the alias `live`; if not, it ends with a version that was tested.
    goes_live: bool = True

    @property
    def tags(self) -> dict[str, str]:
        return {PROJECT_TAG: self.project.name}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags as most services want them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    @property
    def registry(self) -> str:
        """The host of the account's image registry."""
        suffix = ".cn" if self.aws.partition == "aws-cn" else ""
        return f"{self.aws.account}.dkr.ecr.{self.aws.region}.amazonaws.com{suffix}"

    @property
    def image_uri(self) -> str:
        """The image by its digest."""
        if self.project.image_uri is not None:
            return self.project.image_uri
        return f"{self.registry}/{self.project.repository}@{self.digest}"

    def role_arn(self, function: Function) -> str:
        return self.aws.arn("iam", f"role/{function.role}", region=False)

    def function_arn(self, function: Function) -> str:
        return self.aws.arn("lambda", f"function:{function.name}")

    def live_arn(self, function: Function) -> str:
        """The ARN of the alias that triggers point at."""
        return f"{self.function_arn(function)}:{LIVE}"

    def ours(self, tags: Mapping[str, str] | Iterable[Mapping[str, Any]] | None) -> bool:
        """Say whether these tags, in either form of AWS, are of something of this project."""
        return owner(tags) == self.project.name

    def check_ours(
        self,
        what: str,
        tags: Mapping[str, str] | Iterable[Mapping[str, Any]],
        *,
        adopt: bool = False,
    ) -> None:
        """Raise DeployError if what exists already is not this project's."""
        project = owner(tags)
        if project != self.project.name:
            whose = f"belongs to project {project!r}" if project else "is not made by this tool"
            # A function can be handed over by the command; the rest by its tag.
            over = "`lambda-runtime deploy --adopt`, which only sets" if adopt else "setting"
            raise DeployError(
                f"{what} exists and {whose}, and this is project {self.project.name!r}: choose "
                f"another name, or hand it over by {over} the tag {PROJECT_TAG}={self.project.name}"
            )


def owner(tags: Mapping[str, str] | Iterable[Mapping[str, Any]] | None) -> str | None:
    """Return the project in these tags, in either form of AWS."""
    if tags is None:
        return None
    if isinstance(tags, Mapping):
        return tags.get(PROJECT_TAG)
    return next((tag["Value"] for tag in tags if tag["Key"] == PROJECT_TAG), None)
