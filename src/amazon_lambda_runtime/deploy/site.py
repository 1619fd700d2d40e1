"""A project in an account and a region: the names that follow, and what is ours there."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from amazon_lambda_runtime.project.declaration import Function, Project
from amazon_lambda_runtime.project.origin import origin

from .aws import Aws
from .errors import DeployError

#: The tag of everything that is created; what does not carry it is not ours.
PROJECT_TAG = "lambda-runtime:project"
#: The tag that tells which table of the project has declared it.
TABLE_TAG = "lambda-runtime:table"
#: Its value for a stage, whose name is in no table: a variable had it.
STAGE = "FUNCTION_NAME"
#: The alias that triggers point at, and that a release moves.
LIVE = "live"


#: Tags in either form of AWS.
Tags = Mapping[str, str] | Iterable[Mapping[str, Any]] | None


@dataclass(frozen=True)
class Site:
    """A project in an account. `digest` is the image's, None until it is known.

    `left` are functions that this table has declared before and that it does not declare any more.
    """

    project: Project
    aws: Aws
    digest: str | None = None
    #: Of each image, where there is one for each architecture.
    digests: Mapping[str, str | None] = field(default_factory=dict)
    left: tuple[Function, ...] = ()
    #: Whether a release moves the alias `live`; if not, it ends with a version that was tested.
    goes_live: bool = True

    def of(self, architecture: str) -> "Site":
        """Return the site with the image for this architecture."""
        digest = self.digests.get(architecture, self.digest)
        return replace(
            self, project=replace(self.project, architecture=architecture), digest=digest
        )

    @property
    def tags(self) -> dict[str, str]:
        return {PROJECT_TAG: self.project.name, TABLE_TAG: self.table}

    @cached_property
    def table(self) -> str:
        """The value of the tag that tells this table, or this stage, from others of the project."""
        if self.project.stage:
            return STAGE
        place = origin(self.project.folder)
        # What else a path may have a tag's value may not; nor more than 256 characters.
        clean = re.sub(r"[^\w .:/=+@-]", "-", place, flags=re.ASCII)
        if clean != place or len(place) > 200:
            clean = f"{clean[:200]}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        return clean

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

    def ours(self, tags: Tags) -> bool:
        """Say whether these tags, in either form of AWS, are of something of this project."""
        return owner(tags) == self.project.name

    def of_this_table(self, tags: Tags) -> bool:
        """Say whether these tags are of something that this project's table has declared."""
        return self.ours(tags) and value(tags, TABLE_TAG) == self.table and not self.project.stage

    def check_ours(
        self,
        what: str,
        tags: Tags,
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


def owner(tags: Tags) -> str | None:
    """Return the project in these tags."""
    return value(tags, PROJECT_TAG)


def value(tags: Tags, key: str) -> str | None:
    """Return what the tag of this key says, None if there is no such tag."""
    if tags is None:
        return None
    if isinstance(tags, Mapping):
        return tags.get(key)
    return next((tag["Value"] for tag in tags if tag["Key"] == key), None)
