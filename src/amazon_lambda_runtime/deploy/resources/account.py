"""What runs in the account besides the project: who else uses a role, an image, a queue.

Rule: what cannot be seen counts as used. Every version counts, not only the newest: an alias of
another project may point at an old one.
"""

from collections.abc import Collection, Iterator

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.errors import AwsError
from amazon_lambda_runtime.deploy.site import Site
from amazon_lambda_runtime.project.declaration import Function


def versions(site: Site) -> Iterator[Reply]:
    """Yield the configuration of every version of every function of the account and region."""
    yield from site.aws.pages("lambda", "list_functions", "Functions", FunctionVersion="ALL")


def image_uris(site: Site, version: Reply) -> set[str]:
    """Return the URIs of a version's image; none if it is gone or is no image.

    Raises AwsError if AWS refuses to tell.
    """
    if version.get("PackageType") != "Image":
        return set()
    found = site.aws.find(
        "lambda", "get_function", FunctionName=version["FunctionName"], Qualifier=version["Version"]
    )
    code = (found or {}).get("Code") or {}
    return {uri for uri in (code.get("ImageUri"), code.get("ResolvedImageUri")) if uri}


def users_of_role(site: Site, role: str, but: Collection[Function]) -> list[str]:
    """Return the functions that have this role, but for these."""
    return _others(
        (v["FunctionName"] for v in versions(site) if v["Role"].rpartition("/")[2] == role), but
    )


def users_of_log_group(site: Site, group: str, but: Collection[Function]) -> list[str]:
    """Return the functions that log to this group by its name, but for these."""
    logging = ((v["FunctionName"], v.get("LoggingConfig") or {}) for v in versions(site))
    return _others((name for name, config in logging if config.get("LogGroup") == group), but)


def users_of_repository(site: Site, name: str, but: Collection[Function]) -> list[str]:
    """Return the functions whose image is in this repository, but for these."""
    place = f"{site.registry}/{name}"
    doomed = {function.name for function in but}

    def used() -> Iterator[str]:
        for version in versions(site):
            if version["FunctionName"] in doomed:
                continue
            try:
                uris = image_uris(site, version)
            except AwsError:
                yield version["FunctionName"]
                continue
            if any(uri.startswith((f"{place}@", f"{place}:")) for uri in uris):
                yield version["FunctionName"]

    return _others(used(), but)


def is_of(arn: str, site: Site, functions: Collection[Function]) -> bool:
    """Say whether an ARN is of one of these functions, or of a version or an alias of one."""
    return any(
        arn == (whole := site.function_arn(function)) or arn.startswith(f"{whole}:")
        for function in functions
    )


def is_gone(site: Site, arn: str) -> bool:
    """Say whether there is no function of this ARN, or no such version or alias of it."""
    return site.aws.find("lambda", "get_function_configuration", FunctionName=arn) is None


def _others(names: Iterator[str], but: Collection[Function]) -> list[str]:
    doomed = {function.name for function in but}
    return [f"function {name}" for name in dict.fromkeys(names) if name not in doomed]
