"""Functions that carry the project's tag and are in its table no more, or are of another.

A renamed function would get the same messages and run by the same clock as the one that has its
place. So what this table has left is cut off from its events, and deleted if that is asked for. The
tag `lambda-runtime:table` tells it from a stage and from what another table of the same project has
declared. Those are only named; so is what was deployed before there was such a tag.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.plan import Note, Step
from amazon_lambda_runtime.deploy.site import PROJECT_TAG, STAGE, TABLE_TAG, Site, Tags, value
from amazon_lambda_runtime.project.declaration import Function

from . import executions, triggers


@dataclasses.dataclass(frozen=True, slots=True)
class Undeclared:
    """What was found: functions that have left this table, and the names of the rest."""

    left: tuple[Function, ...] = ()
    stages: tuple[str, ...] = ()
    #: By the table that their tag names.
    elsewhere: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    unmarked: tuple[str, ...] = ()
    #: What AWS says if it does not tell.
    refusal: str = ""

    def notes(self, site: Site) -> Iterator[Note]:
        """Yield a note for each function that has left, and one for each group of the others."""
        for function in self.left:
            yield Note(
                f"function {function.name} is not in pyproject.toml any more: it stays, without "
                "the events of its queues, rules, topics and buckets. To delete it: "
                "lambda-runtime deploy --prune"
            )
        yield from self.others(site)

    def others(self, site: Site) -> Iterator[Note]:
        """Yield a note for each group of functions that are left as they are."""
        of_project = f"of project {site.project.name!r}"
        if self.stages:
            yield Note(
                f"{_named(self.stages)} {of_project} deployed by FUNCTION_NAME, as a stage: left "
                f"as is. To delete it: FUNCTION_NAME={self.stages[0]} lambda-runtime destroy"
            )
        for table, names in self.elsewhere.items():
            yield Note(
                f"{_named(names)} {of_project} declared in another table ({table}): left as is. If "
                "the folder was only moved, see what it has: FUNCTION_NAME="
                f"{names[0]} lambda-runtime destroy"
            )
        if self.unmarked:
            yield Note(
                f"{_named(self.unmarked)} {of_project} not in pyproject.toml, and nothing tells "
                f"which table declared it (no tag {TABLE_TAG}): it is live, with its triggers. If "
                "it was renamed or removed, its queues and schedules reach it still: "
                f"FUNCTION_NAME={self.unmarked[0]} lambda-runtime destroy"
            )
        if self.refusal:
            yield Note(
                f"functions that pyproject.toml no longer declares cannot be found: {self.refusal}"
            )


def find(site: Site) -> Undeclared:
    """Return what there is besides the functions of this table. What AWS refuses to tell is told.

    Of functions that were asked for by name, and without a table, nothing is looked for.
    """
    if site.project.narrowed or not site.project.declared:
        return Undeclared()
    left: list[Function] = []
    stages: list[str] = []
    elsewhere: dict[str, tuple[str, ...]] = {}
    unmarked: list[str] = []
    try:
        for arn, tags in sorted(_others(site).items()):
            name, table = arn.rpartition(":")[2], value(tags, TABLE_TAG)
            if site.of_this_table(tags):
                live = site.aws.find("lambda", "get_function_configuration", FunctionName=name)
                if live is not None:
                    left.append(Function(name, live["Role"].rpartition("/")[2]))
            elif table is None:
                unmarked.append(name)
            elif table == STAGE:
                stages.append(name)
            else:
                elsewhere[table] = (*elsewhere.get(table, ()), name)
    except AwsError as error:
        return Undeclared(refusal=str(error))
    return Undeclared(tuple(left), tuple(stages), elsewhere, tuple(unmarked))


def plan(site: Site, *, prune: bool = False) -> Iterator[Step | Note]:
    """Yield what cuts off those that have left the table from their events, or deletes them."""
    for function in site.left:
        live = site.aws.find("lambda", "get_function_configuration", FunctionName=function.name)
        stays = executions.keeps(site, function, live or {}) if prune else "it is not pruned"
        if not stays:
            yield from remove(site, function, "function", "it is not in pyproject.toml any more")
            continue
        if prune:
            yield Note(
                f"function {function.name} is not in pyproject.toml any more, and stays without "
                f"its events: {stays}"
            )
        yield from triggers.stop(site, function)


def remove(
    site: Site, function: Function, part: str, why: str, stops: bool = False
) -> Iterator[Step | Note]:
    """Yield the removal of a function with its triggers; `stops` is for its executions."""
    # As if no trigger were declared any more.
    yield from triggers.plan(site, dataclasses.replace(function, triggers=()), prune=True)
    yield Step(
        "delete", part, f"function {function.name}", why,
        partial(executions.delete, site, function, stops),
    )  # fmt: skip


def _others(site: Site) -> dict[str, Tags]:
    """Return the tags of the project's functions by their ARNs, but for those of this table."""
    known = {site.function_arn(f) for f in (*site.project.functions, *site.project.others)}
    try:
        found = dict(_tagged(site))
    except AwsError:
        # That service has a permission of its own; Lambda itself knows it, too.
        found = dict(_listed(site, known))
    return {arn: tags for arn, tags in found.items() if arn not in known and site.ours(tags)}


def _tagged(site: Site) -> Iterator[tuple[str, Tags]]:
    for resource in site.aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": PROJECT_TAG, "Values": [site.project.name]}],
        ResourceTypeFilters=["lambda:function"],
    ):
        yield resource["ResourceARN"], resource.get("Tags") or []


def _listed(site: Site, known: Iterable[str]) -> Iterator[tuple[str, Tags]]:
    for live in site.aws.pages("lambda", "list_functions", "Functions"):
        arn = live["FunctionArn"]
        # We make functions of images only.
        if arn not in known and live.get("PackageType") == "Image":
            found = site.aws.find("lambda", "list_tags", Resource=arn)
            yield arn, (found or {}).get("Tags") or {}


def _named(names: tuple[str, ...]) -> str:
    return f"function {names[0]}" if len(names) == 1 else f"functions {', '.join(names)}"
