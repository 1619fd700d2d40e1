"""What a deployment needs of an engine in `images`: to build the image, and to push it."""

import base64
import importlib
import subprocess
from typing import Any, Protocol

from amazon_lambda_runtime.project.declaration import Project
from amazon_lambda_runtime.project.handler_names import default_handler

from .errors import DeployError
from .plan import Progress
from .site import Site


class Builder(Protocol):
    """Builds the project's image, and pushes it."""

    def build(self, project: Project, progress: Progress) -> str | None:
        """Build it. Return its digest in any registry, None if only the push can tell."""
        ...

    def push(self, site: Site, progress: Progress) -> str:
        """Push what was built and return its digest, as the push itself had it."""
        ...


class Engines:
    """The engines of `deploy.images`: docker, podman, buildah, native."""

    def __init__(self) -> None:
        self._images: Any = importlib.import_module("amazon_lambda_runtime.deploy.images")
        self._engine: Any = None
        self._built: Any = None

    def build(self, project: Project, progress: Progress) -> str | None:
        try:
            dockerfile = self._images.written(project.folder, project.dockerfile)
            self._engine = self._images.choose(project.engine, dockerfile)
            if warning := self._images.unused(project.engine, self._engine, dockerfile):
                progress.note(warning)
            handlers = _handlers(project)
            chosen: dict[str, object] = {
                "dockerfile": project.dockerfile,
                "base": project.base,
                "requirements": project.requirements,
                "secret": project.environment_files or None,
                "include": project.include or None,
                "handlers": handlers if len(handlers) > 1 else None,
            }
            spec = self._images.ImageSpec(
                folder=project.folder,
                handler=command(project),
                architecture=project.architecture,
                runtime=self._images.own_runtime(),
                **{key: value for key, value in chosen.items() if value is not None},
            )
            self._built = self._engine.build(spec, _bytes(progress))
        except self._images.ImageError as error:
            raise DeployError(str(error)) from None
        for note in self._built.notes:
            progress.note(note)
        # Only the native engine names an image by its manifest's digest.
        if self._engine.name == "native":
            return str(self._built.digest)
        self._tag(project, progress)
        return None

    def _tag(self, project: Project, progress: Progress) -> None:
        """Tag the local image with the project's name for it, by which `doctor` finds it."""
        everyone = (*project.functions, *project.others)
        several = len({function.architecture for function in everyone}) > 1
        name = f"{project.image}-{project.architecture}" if several else project.image
        command = [self._engine.name, "tag", str(self._built.digest), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            progress.note(f"{' '.join(command)}: {' '.join(done.stderr.split())}")

    def push(self, site: Site, progress: Progress) -> str:
        token = site.aws.call("ecr", "get_authorization_token")["authorizationData"][0]
        username, _, password = (
            base64.b64decode(token["authorizationToken"]).decode().partition(":")
        )
        endpoint = token["proxyEndpoint"]
        repository = self._images.Repository(
            host=site.registry,
            name=site.project.repository,
            username=username,
            password=password,
            plain_http=endpoint.startswith("http://"),
        )
        try:
            pushed = self._engine.push(self._built, repository, _bytes(progress))
        except self._images.ImageError as error:
            raise DeployError(str(error)) from None
        if pushed.uploaded_bytes is not None:
            progress.note(f"uploaded {pushed.uploaded_bytes} of {pushed.size_bytes} bytes")
        return str(pushed.digest)


def command(project: Project) -> str:
    """Return the image's command: the module's handler if any function needs it.

    It is the same whether all functions are deployed or some: another would be another image.
    """
    everyone = (*project.functions, *project.others)
    if any(function.handler is None for function in everyone):
        return default_handler(project.folder, project.module)
    return str(min(everyone, key=lambda function: function.name).handler)


def _handlers(project: Project) -> tuple[str, ...]:
    """Return the handlers of all functions, of those that are not meant this time, too."""
    everyone = (*project.functions, *project.others)
    return tuple(sorted({function.handler or command(project) for function in everyone}))


def _bytes(progress: Progress) -> Any:
    last = ""

    def show(done: int, total: int, what: str) -> None:
        nonlocal last
        if what != last:
            last = what
            progress.note(what)

    return show
