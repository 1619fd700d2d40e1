"""Target groups that have had another name in the table: nothing else tells of them any more."""

from collections.abc import Iterator

from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import AlbTrigger

from .store import Store, Tags
from .triggers import alb

# As many as the service describes the tags of with one request.
_AT_ONCE = 20


def _found(site: Site) -> Iterator[tuple[str, Tags]]:
    pages = site.aws.pages("elbv2", "describe_target_groups", "TargetGroups")
    arns = [group["TargetGroupArn"] for group in pages if group.get("TargetType") == "lambda"]
    for start in range(0, len(arns), _AT_ONCE):
        some = arns[start : start + _AT_ONCE]
        told = site.aws.find("elbv2", "describe_tags", ResourceArns=some)
        for each in (told or {}).get("TagDescriptions") or ():
            yield each["ResourceArn"].split("/")[1], each.get("Tags") or []


def _delete(site: Site, name: str) -> None:
    for function in site.project.functions[:1]:
        for step in alb.KIND.remove(site, function, f"targetgroup/{name}/"):
            step.run()


def _names(_: Site, function: Function) -> list[str]:
    return [trigger.target_group for trigger in function.triggers_of(AlbTrigger)]


STORE = Store("target group", _names, lambda site, name: None, _delete, found=_found)
