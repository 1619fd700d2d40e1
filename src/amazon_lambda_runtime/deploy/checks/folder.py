"""The project's folder: names, the handler, the Dockerfile, the files and their modes."""

import ast
import json
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

from amazon_lambda_runtime.project.declaration import Project

from .finding import Finding, Skipped
from .image import LARGEST

# A variable of the Makefile, and the key of the table that says the same.
_TWINS = {
    "IMAGE_NAME": "image",
    "REPO_NAME": "repository",
    "FUNCTION_NAME": "function",
    "ROLE_NAME": "role",
    "POLICIES_FILE": "policies_file",
    "LAMBDA_MODULE": "module",
    "REGION": "region",
}


def names(project: Project) -> Iterator[Finding]:
    """The Makefile and pyproject.toml name the same function, role and so on."""
    try:
        makefile = (project.folder / "Makefile").read_text()
        text = (project.folder / "pyproject.toml").read_text()
    except (OSError, UnicodeDecodeError):
        return
    table = tomllib.loads(text).get("tool", {}).get("lambda-runtime", {})
    for variable, key in _TWINS.items():
        match = re.search(rf"^{variable}[ \t]*\??:?=[ \t]*(\S+)[ \t]*$", makefile, re.M)
        if match and key in table and table[key] != match[1]:
            yield Finding(
                "two-names",
                f"{variable} is {match[1]} in the Makefile, and {key} is {table[key]} in "
                "pyproject.toml",
                "make reads the Makefile and `lambda-runtime deploy` pyproject.toml: each would "
                "create its own",
                "Write the same name in both.",
            )


def handler(project: Project) -> Iterator[Finding]:
    """The module that the image is made for is there and can be compiled."""
    file = project.folder / project.module
    try:
        ast.parse(file.read_bytes())
    except OSError as error:
        yield Finding(
            "no-handler",
            f"the handler's module {project.module} cannot be read: {error.strerror}",
            "an image without it fails at its first invocation (Runtime.ImportModuleError)",
            "Name it: `module` in pyproject.toml, or LAMBDA_MODULE.",
        )
    except (SyntaxError, ValueError) as error:
        yield Finding(
            "no-handler",
            f"the handler's module {project.module} is not valid Python: {error}",
            "the function fails at its first invocation (Runtime.UserCodeSyntaxError)",
            "Correct the syntax error.",
        )


def dockerfile(project: Project) -> Iterator[Finding]:
    """The Dockerfile starts the bootstrap in the form that Lambda needs."""
    if not _is_used(project):
        return
    found = _instructions(_text(project.folder / "Dockerfile"))
    entrypoint, base = found.get("ENTRYPOINT"), found.get("FROM", "")
    if "FROM" in found and entrypoint is None and "lambda" not in base:
        yield Finding(
            "no-entrypoint",
            "the Dockerfile's last stage has no ENTRYPOINT",
            "Lambda would execute CMD, a handler's name, and fail: Runtime.InvalidEntrypoint",
            'Add: ENTRYPOINT ["/usr/local/bin/bootstrap"]',
        )
    if entrypoint is not None and not _is_list(entrypoint):
        yield Finding(
            "shell-form",
            f"the Dockerfile's ENTRYPOINT is not a list: {entrypoint}",
            "a shell would be started instead, and the bootstrap would not get its handler",
            f"Write it as JSON: ENTRYPOINT {json.dumps(entrypoint.split())}",
        )


def engine(project: Project) -> Iterator[Finding]:
    """A Dockerfile that somebody wrote is what the image is made of."""
    if project.engine != "auto" or project.image_uri is not None:
        return
    from amazon_lambda_runtime.deploy import images

    try:
        file = images.written(project.folder, project.dockerfile)
        used = images.choose(project.engine, file)
    except images.ImageError as error:
        raise Skipped(f"the engine: {error}") from None
    if images.unused(project.engine, used, file) is not None:
        yield Finding(
            "dockerfile-unused",
            f"{file} is not used: the native engine builds the image, and reads no Dockerfile",
            "what it installs or sets is not in the image",
            'Install docker, podman or buildah, or set engine = "native" if that is what you want.',
        )


def modes(project: Project) -> Iterator[Finding]:
    """Every user can read the files: Lambda runs as one that does not own them."""
    if not _is_used(project):
        return  # the native engine sets the modes itself
    closed = []
    size = 0
    for path in _shipped(project.folder):
        status = path.stat()
        wanted = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else 0)
        if status.st_mode & wanted != wanted:
            closed.append(str(path.relative_to(project.folder)))
        size += status.st_size
    if closed and "chmod" not in _text(project.folder / "Dockerfile"):
        shown = ", ".join(sorted(closed)[:5]) + (" and others" if len(closed) > 5 else "")
        yield Finding(
            "file-modes",
            f"not readable by others: {shown}",
            "an image keeps the modes, and Lambda runs it as a user that owns none of its files: "
            "Permission denied",
            "chmod -R go+rX . (or COPY --chmod=755 in the Dockerfile)",
        )
    if size > LARGEST:
        yield Finding(
            "size",
            f"the folder holds {size / 1024**3:.1f} GiB",
            "Lambda accepts images of up to 10 GiB, unpacked",
            "Name what the function does not need in .dockerignore, or keep it in S3.",
        )


def _is_used(project: Project) -> bool:
    """Say whether the image is made by the Dockerfile."""
    return project.engine not in ("auto", "native") and project.image_uri is None


def _shipped(folder: Path) -> Iterator[Path]:
    """Yield the files and folders that a COPY of the folder takes, but for hidden ones."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__" or path.is_symlink():
            continue
        yield path
        if path.is_dir():
            yield from _shipped(path)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _instructions(text: str) -> dict[str, str]:
    """Return the last of each instruction in the last stage of a Dockerfile, by its name."""
    joined = re.sub(r"\\[ \t]*\n", " ", re.sub(r"^[ \t]*#.*\n", "", text, flags=re.M))
    found: dict[str, str] = {}
    for line in joined.splitlines():
        name, _, value = line.strip().partition(" ")
        if name.upper() == "FROM":
            found.clear()
        if name:
            found[name.upper()] = value.strip()
    return found


def _is_list(value: str) -> bool:
    try:
        return isinstance(json.loads(value), list)
    except ValueError:
        return False
