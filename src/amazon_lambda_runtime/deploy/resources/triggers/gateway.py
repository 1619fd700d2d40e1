"""What both kinds of API have in common: a statement that comes after the API, and records it.

An API is known by its id, which AWS chooses.
"""

from collections.abc import Callable, Iterator

from amazon_lambda_runtime.deploy.errors import DeployError
from amazon_lambda_runtime.deploy.plan import Step
from amazon_lambda_runtime.deploy.policy.statement import Names, Statement
from amazon_lambda_runtime.deploy.site import Site, Tags
from amazon_lambda_runtime.project.declaration import Function

from . import permission


def allow(site: Site, function: Function, sid: str, api: str) -> Iterator[Step]:
    """Yield what lets the API of this id invoke the alias, and no other."""
    wanted = permission.Permission(
        sid, "apigateway.amazonaws.com", source=site.aws.arn("execute-api", f"{api}/*/*")
    )
    yield from permission.plan(site, function, wanted, permission.read(site, function))


def allow_new(site: Site, function: Function, sid: str, find: Callable[[], str | None]) -> Step:
    """Return what allows an API that is made just before; a statement of an older one goes."""

    def run() -> None:
        api = find()
        if api is None:
            raise DeployError(
                f"the API of {function.name} was deleted while it was made: deploy again"
            )
        for step in allow(site, function, sid, api):
            step.run()

    return Step(
        "create", "trigger", f"permission {sid} of {function.name}",
        "apigateway.amazonaws.com may not invoke it", run,
    )  # fmt: skip


def removal(site: Site, what: str, tags: Tags, remove: Callable[[], object]) -> Iterator[Step]:
    """Yield the removal of an API, if its tags are ours."""
    if site.ours(tags):
        yield Step("delete", "trigger", what, "it is not declared", remove)


def arn(site: Site, path: str) -> str:
    """Return the ARN by which an API is tagged: it has no account."""
    return f"arn:{site.aws.partition}:apigateway:{site.aws.region}::{path}"


def api_of(source: str) -> str:
    """Return the id of the API that a statement is for."""
    return source.split(":")[5].partition("/")[0]


def statement(names: Names, sid: str, path: str, *verbs: str) -> Statement:
    """Return what the deployer needs: IAM names an action of this service by its verb."""
    root = f"arn:{names.partition}:apigateway:{names.region}::"
    actions = tuple(f"apigateway:{verb}" for verb in verbs)
    return Statement(sid, actions, (f"{root}{path}", f"{root}{path}/*", f"{root}/tags/*"))
