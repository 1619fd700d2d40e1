"""The function itself: created or updated, and waited for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError, DeployError
from amazon_lambda_runtime.deploy.plan import Note, Step, differences
from amazon_lambda_runtime.deploy.site import TABLE_TAG, Site, owner
from amazon_lambda_runtime.project.declaration import Function

from . import role
from .foreign import foreign, settings

#: Seconds for a function to become active: Lambda optimizes the image, and joins the VPC.
READY = 600.0
#: How often a change is tried whose revision AWS says is old: Lambda itself changes it, too.
ATTEMPTS = 5


def plan(site: Site, function: Function) -> Iterator[Step | Note]:
    """Yield what makes the function what it should be, but for its versions."""
    found = find(site, function)
    what = f"function {function.name}"
    if found is None:
        why = "it does not exist yet"
        yield Step("create", "function", what, why, lambda: _create(site, function))
    else:
        check_ours(site, function, found)
        yield from _updates(site, function, found)
    reserved = (found or {}).get("Concurrency", {}).get("ReservedConcurrentExecutions")
    wanted = function.reserved_concurrency
    if reserved != wanted:
        yield Step(
            "update", "function", f"reserved concurrency of {what}",
            (change := next(differences([("", reserved, wanted)])).strip()),
            lambda: _reserve(site, function), changes=(change,),
        )  # fmt: skip


def _updates(site: Site, function: Function, found: Reply) -> Iterator[Step]:
    what = f"function {function.name}"
    live = found["Configuration"]
    if changes := list(configuration_changes(site, function, live)):
        yield Step(
            "update", "function", f"configuration of {what}", "; ".join(changes),
            partial(_configure, site, function, changes), changes=tuple(changes),
        )  # fmt: skip
    if changes := list(code_changes(site, live)):
        yield Step(
            "update", "function", f"code of {what}", "; ".join(changes),
            partial(_update_code, site, function, live.get("CodeSha256")), changes=tuple(changes),
        )  # fmt: skip
    tags = found.get("Tags") or {}
    wanted = {**function.tags, TABLE_TAG: site.table}
    missing = {key: value for key, value in wanted.items() if tags.get(key) != value}
    if missing:
        yield Step(
            "update", "function", f"tags of {what}", ", ".join(sorted(missing)),
            lambda: site.aws.call(
                "lambda", "tag_resource", Resource=site.function_arn(function), Tags=missing
            ),
            changes=tuple(
                differences((key, tags.get(key), missing[key]) for key in sorted(missing))
            ),
        )  # fmt: skip


def find(site: Site, function: Function, qualifier: str | None = None) -> Reply | None:
    """Return what Lambda knows of the function, None if there is none."""
    more = {} if qualifier is None else {"Qualifier": qualifier}
    return site.aws.find("lambda", "get_function", FunctionName=function.name, **more)


def check_ours(site: Site, function: Function, found: Reply) -> None:
    """Raise DeployError if the function that was found is not this project's."""
    site.check_ours(f"function {function.name}", found.get("Tags") or {}, adopt=True)


def adopt(site: Site, function: Function) -> Iterator[Step]:
    """Yield the tag that hands an existing function over to this project, and nothing else."""
    found = find(site, function)
    tags = (found or {}).get("Tags")
    if found is not None and not site.ours(tags):
        project = owner(tags)
        yield Step(
            "update", "function", f"tag of function {function.name}",
            f"project {project or 'none'} → {site.project.name}",
            lambda: site.aws.call(
                "lambda", "tag_resource", Resource=site.function_arn(function), Tags=site.tags
            ),
        )  # fmt: skip


def changes(site: Site, function: Function, live: Mapping[str, Any]) -> list[str]:
    """Return what differs between a version's configuration and what is wanted."""
    return [*configuration_changes(site, function, live), *code_changes(site, live)]


def configuration_changes(site: Site, function: Function, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs. Of a variable only its name is told: its value may be a secret."""
    # AWS leaves out, or gives as null, what was never set.
    vpc = live.get("VpcConfig") or {}
    image = (live.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    storage = (live.get("EphemeralStorage") or {}).get("Size", 512)
    groups = vpc.get("SecurityGroupIds") or []
    command = [function.handler] if function.handler else []
    yield from differences(
        [
            # A role's name is unique in the account; the path before it is IAM's to know.
            ("role", live["Role"].rpartition("/")[2], function.role),
            ("memory", live.get("MemorySize"), function.memory),
            ("timeout", live.get("Timeout"), function.timeout),
            ("description", live.get("Description") or "", function.description),
            ("ephemeral storage", storage, function.ephemeral_storage),
            ("handler", list(image.get("Command") or []), command),
            ("subnets", sorted(vpc.get("SubnetIds") or []), sorted(function.subnets)),
            ("security groups", sorted(groups), sorted(function.security_groups)),
        ]
    )
    yield from _variables(live, function.environment)


def _variables(live: Mapping[str, Any], wanted: Mapping[str, str]) -> Iterator[str]:
    variables = (live.get("Environment") or {}).get("Variables") or {}
    for name in sorted({*variables, *wanted}):
        if name not in wanted:
            yield f"variable {name} removed"
        elif name not in variables:
            yield f"variable {name} added"
        elif variables[name] != wanted[name]:
            yield f"variable {name} changed"


def code_changes(site: Site, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs in the image and its architecture."""
    architecture = (live.get("Architectures") or ["x86_64"])[0]
    yield from differences([("architecture", architecture, site.project.architecture)])
    if site.digest is None:
        yield "the image is built first"
    elif site.digest != f"sha256:{live.get('CodeSha256')}":
        yield f"image {_short(live.get('CodeSha256'))} → {_short(site.digest)}"


def wait(site: Site, function: Function, qualifier: str | None = None) -> Reply:
    """Wait until the function can be invoked and changed, and return its configuration then.

    Raises DeployError if it never will be.
    """
    live: Reply = {}
    what = f"function {function.name}" + (f":{qualifier}" if qualifier else "")
    more: dict[str, Any] = {} if qualifier is None else {"Qualifier": qualifier}

    def ready() -> str | None:
        nonlocal live
        live = site.aws.call(
            "lambda", "get_function_configuration", FunctionName=function.name, **more
        )
        state, update = live.get("State", "Active"), live.get("LastUpdateStatus", "Successful")
        if state == "Failed":
            raise DeployError(f"{what} failed: {_reason(live, 'State')}")
        if update == "Failed":
            raise DeployError(f"the update of {what} failed: {_reason(live, 'LastUpdateStatus')}")
        if state == "Pending":
            return f"Pending, {_reason(live, 'State')}"
        if update == "InProgress":
            return f"InProgress, {_reason(live, 'LastUpdateStatus')}"
        # A function is inactive after weeks without an invocation; it can be changed.
        return None

    site.aws.retry.wait(ready, what, READY)
    return live


def revision(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameter by which AWS refuses a change of what was changed since it was read."""
    return {"RevisionId": live["RevisionId"]} if live.get("RevisionId") else {}


def meanwhile(site: Site, function: Function, live: Mapping[str, Any]) -> list[str]:
    """Return what somebody else has changed, as far as AWS tells.

    What was never read has no role. An emulator may not tell the code's hash.
    """
    if "Role" not in live:
        return []
    code = code_changes(site, live) if live.get("CodeSha256") else ()
    return [*configuration_changes(site, function, live), *code]


def changed_meanwhile(function: Function, changes: Sequence[str] = ()) -> DeployError:
    """Return the error for a function that somebody else changes at the same time."""
    told = f" ({', '.join(changes)})" if changes else ""
    return DeployError(
        f"function {function.name} was changed by somebody else since this deployment looked at "
        f"it{told}, and what is live has not moved: see what differs (lambda-runtime plan), then "
        "deploy again"
    )


def _swap(
    site: Site,
    function: Function,
    as_planned: Callable[[Reply], bool],
    done: Callable[[Reply], bool],
    change: Callable[[dict[str, Any]], object],
) -> None:
    """Change a function that is as the plan saw it; AWS refuses if it is not, by its revision.

    Lambda itself changes the revision, too: then the function is as planned still, and another
    attempt is worth it.
    """
    for _ in range(ATTEMPTS):
        live = wait(site, function)
        if done(live):
            return
        if not as_planned(live):
            raise changed_meanwhile(function)
        try:
            change(revision(live))
        except AwsError as error:
            if error.code != "PreconditionFailedException":
                raise
        else:
            wait(site, function)
            return
    raise changed_meanwhile(function)


def _reason(live: Mapping[str, Any], of: str) -> str:
    code, text = live.get(f"{of}ReasonCode"), live.get(f"{of}Reason")
    return ": ".join(part for part in (code, text) if part) or "AWS gives no reason"


def _settings(site: Site, function: Function) -> dict[str, Any]:
    """Return the parameters that creation and a change of the configuration share."""
    return {
        "FunctionName": function.name,
        "Role": role.arn(site, function),
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "Description": function.description,
        "EphemeralStorage": {"Size": function.ephemeral_storage},
        "Environment": {"Variables": dict(function.environment)},
        "ImageConfig": {"Command": [function.handler]} if function.handler else {},
        "VpcConfig": {
            "SubnetIds": list(function.subnets),
            "SecurityGroupIds": list(function.security_groups),
        },
    }


def _create(site: Site, function: Function) -> None:
    def look() -> Reply | None:
        found = find(site, function)
        if found is not None:
            check_ours(site, function, found)
        return found

    site.aws.create(
        "lambda",
        "create_function",
        look=look,
        fresh_role=role.is_fresh(site, function),
        PackageType="Image",
        Code={"ImageUri": site.image_uri},
        Architectures=[site.project.architecture],
        Tags={**function.tags, **site.tags},
        **_settings(site, function),
    )
    wait(site, function)


def _configure(site: Site, function: Function, planned: list[str]) -> None:
    def differs(live: Reply) -> list[str]:
        return list(configuration_changes(site, function, live)) if "Role" in live else planned

    _swap(
        site,
        function,
        lambda live: differs(live) == planned,
        lambda live: not differs(live),
        lambda guard: site.aws.create(
            "lambda",
            "update_function_configuration",
            # If the request is repeated, the result is the same.
            look=lambda: None,
            fresh_role=role.is_fresh(site, function),
            **_settings(site, function),
            **guard,
        ),
    )


def _update_code(site: Site, function: Function, planned: str | None) -> None:
    _swap(
        site,
        function,
        lambda live: live.get("CodeSha256", planned) == planned,
        lambda live: "CodeSha256" in live and not list(code_changes(site, live)),
        lambda guard: site.aws.call(
            "lambda",
            "update_function_code",
            FunctionName=function.name,
            ImageUri=site.image_uri,
            Architectures=[site.project.architecture],
            **guard,
        ),
    )


def _reserve(site: Site, function: Function) -> None:
    if function.reserved_concurrency is None:
        site.aws.remove("lambda", "delete_function_concurrency", FunctionName=function.name)
    else:
        site.aws.call(
            "lambda",
            "put_function_concurrency",
            FunctionName=function.name,
            ReservedConcurrentExecutions=function.reserved_concurrency,
        )


def _short(digest: str | None) -> str:
    return (digest or "none").removeprefix("sha256:")[:12]


def foreign_settings(site: Site, function: Function, live: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what is set in the configuration of a function or version, and not declared."""
    image = (live.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    declared = _settings(site, function)
    # The command and the network are compared, whether they are declared or not.
    declared["ImageConfig"] = {"Command": [], **declared["ImageConfig"]}
    declared["VpcConfig"] = {"VpcId": "", **declared["VpcConfig"]}
    usual = {
        "ImageConfig": {},
        "VpcConfig": {},
        "TracingConfig": {"Mode": "PassThrough"},
        "DeadLetterConfig": {},
        "KMSKeyArn": "",
        "Layers": [],
        "FileSystemConfigs": [],
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"},
        "DurableConfig": {},
        "CapacityProviderConfig": {},
        "AcceleratorConfig": {},
        "RuntimeConfig": {},
    }
    where = f"function {function.name}"
    yield from settings("function", where, {**live, "ImageConfig": image}, declared, usual)


def foreign_tags(function: Function, found: Reply) -> Iterator[Step]:
    """Yield the tags that are neither declared, nor ours, nor AWS's."""
    for key, value in sorted((found.get("Tags") or {}).items()):
        if key not in function.tags and not key.startswith(("lambda-runtime:", "aws:")):
            yield foreign("function", f"tag {key} of function {function.name}", value)
