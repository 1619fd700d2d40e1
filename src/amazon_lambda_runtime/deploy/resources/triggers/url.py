"""The function URL, on the alias: it stays the same from release to release."""

from collections.abc import Iterator
from typing import Any

from amazon_lambda_runtime.deploy.aws import Reply
from amazon_lambda_runtime.deploy.plan import Step, differences
from amazon_lambda_runtime.deploy.resources import record
from amazon_lambda_runtime.deploy.resources.foreign import foreign
from amazon_lambda_runtime.deploy.site import LIVE, Site
from amazon_lambda_runtime.project.declaration import Function
from amazon_lambda_runtime.project.triggers import UrlTrigger

from .kind import Kind
from .permission import PREFIX, Permission

_SID = f"{PREFIX}url"


def _permissions(site: Site, trigger: UrlTrigger) -> list[Permission]:
    # Since October 2025 AWS asks for both actions of an open URL.
    if trigger.auth != "NONE":
        return []
    return [
        Permission(
            _SID, "*", "lambda:InvokeFunctionUrl", part="url",
            more={"FunctionUrlAuthType": "NONE"},
        ),
        Permission(
            f"{_SID}-invoke", "*", "lambda:InvokeFunction", part="url",
            more={"InvokedViaFunctionUrl": True},
        ),
    ]  # fmt: skip


# How a setting of CORS is called in the table, and by AWS.
_CORS = {
    "allow_origins": "AllowOrigins",
    "allow_methods": "AllowMethods",
    "allow_headers": "AllowHeaders",
    "expose_headers": "ExposeHeaders",
    "allow_credentials": "AllowCredentials",
    "max_age": "MaxAge",
}


def _settings(trigger: UrlTrigger, *, had: bool = False) -> dict[str, Any]:
    """Return what is sent. CORS is sent where it is declared, or empty to take it back."""
    cors = {
        key: list(value) if isinstance(value, tuple) else value
        for name, key in _CORS.items()
        if (value := getattr(trigger, name))
    }
    return {
        "AuthType": trigger.auth,
        "InvokeMode": trigger.mode,
        **({"Cors": cors} if cors or had else {}),
    }


def _find(site: Site, function: Function) -> Reply | None:
    return site.aws.find(
        "lambda", "get_function_url_config", FunctionName=function.name, Qualifier=LIVE
    )


def _plan_all(site: Site, function: Function, prune: bool) -> Iterator[Step]:
    """Yield what makes the URL, changes it, or removes it."""
    trigger = next(iter(function.triggers_of(UrlTrigger)), None)
    live = _find(site, function)
    what = f"URL of {function.name}"
    where: dict[str, Any] = {"FunctionName": function.name, "Qualifier": LIVE}
    if trigger is None:
        if live is not None and prune:

            def remove() -> None:
                site.aws.remove("lambda", "delete_function_url_config", **where)
                record.settle(site, function, record.CORS)

            yield Step("delete", "url", what, "it is not declared", remove)
        else:
            yield from record.plan(site, function, record.CORS)
        return
    cors = (live or {}).get("Cors") or {}
    managed = bool(record.managed(function) & {*record.CORS})
    wanted = _settings(trigger, had=managed and any(cors.values()))
    if live is None:

        def create() -> None:
            record.add(site, function, record.CORS)
            site.aws.create(
                "lambda", "create_function_url_config",
                look=lambda: _find(site, function), **where, **wanted,
            )  # fmt: skip

        yield Step("create", "url", what, "it does not exist yet", create)
        return

    def change() -> None:
        record.add(site, function, record.CORS)
        site.aws.call("lambda", "update_function_url_config", **where, **wanted)
        record.settle(site, function, record.CORS)

    pairs = [
        ("auth", live.get("AuthType"), trigger.auth),
        ("mode", live.get("InvokeMode") or "BUFFERED", trigger.mode),
    ]
    pairs += [
        (name.replace("_", " "), cors.get(key) or None, wanted.get("Cors", {}).get(key))
        for name, key in _CORS.items()
        if managed
    ]
    if changes := list(differences(pairs)):
        yield Step(
            "update", "url", what, "; ".join(changes), change, changes=tuple(changes),
        )  # fmt: skip
    else:
        yield from record.plan(site, function, record.CORS)


def _foreign(site: Site, function: Function, trigger: UrlTrigger) -> Iterator[Step]:
    """Yield what of CORS was set by hand."""
    cors = (_find(site, function) or {}).get("Cors") or {}
    if not record.managed(function) & {*record.CORS}:
        for name, key in _CORS.items():
            if value := cors.get(key):
                what = f"{name.replace('_', ' ')} of URL of {function.name}"
                yield foreign("url", what, _shown(value))


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


KIND = Kind(word="url", part="url", permissions=_permissions, plan_all=_plan_all, foreign=_foreign)
