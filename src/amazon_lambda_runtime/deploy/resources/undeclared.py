"""Functions that carry the project's tag and are not in its file: renamed, removed, or a stage.

A stage is deployed from the same table by FUNCTION_NAME, and nothing in AWS tells it from what has
left the file. So a deployment names these functions and changes nothing of them.
"""

from collections.abc import Iterator

from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.plan import Note
from amazon_lambda_runtime.deploy.site import PROJECT_TAG, Site
from amazon_lambda_runtime.project.declaration import Function


def functions(site: Site) -> list[Function]:
    """Return them, each with its role and without triggers."""
    found = []
    for arn in _arns(site):
        live = site.aws.find("lambda", "get_function_configuration", FunctionName=arn)
        if live is not None:
            found.append(Function(live["FunctionName"], live["Role"].rpartition("/")[2]))
    return found


def notes(site: Site) -> Iterator[Note]:
    """Yield a note for each, since it is live with its triggers; and one if AWS refuses to tell."""
    try:
        arns = _arns(site)
    except AwsError as error:
        yield Note(f"functions that have left the project file cannot be looked for: {error}")
        return
    for arn in arns:
        name = arn.rpartition(":")[2]
        yield Note(
            f"function {name} carries the tag of project {site.project.name!r} and is not in its "
            "file: it is live, with its triggers. If it was renamed or removed, its queues and "
            f"schedules reach it still: FUNCTION_NAME={name} lambda-runtime destroy"
        )


def _arns(site: Site) -> list[str]:
    tagged = site.aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": PROJECT_TAG, "Values": [site.project.name]}],
        ResourceTypeFilters=["lambda:function"],
    )
    known = (*site.project.functions, *site.project.others)
    declared = {site.function_arn(function) for function in known}
    return sorted({resource["ResourceARN"] for resource in tagged} - declared)
