"""The image of a deployment: built, pushed where it is not there yet, and marked as ours."""

import dataclasses
from collections.abc import Callable, Iterator

from .builder import Builder
from .plan import Note, Plan, Progress, Step, execute
from .resources import repository
from .site import Site


def push(site: Site, progress: Progress, builder: Builder) -> tuple[Site, int]:
    """Return the site with the digest of the image, which is in the repository then."""
    of = f" for {site.project.architecture}" if len(site.project.architectures) > 1 else ""
    progress.note(f"building the image of {site.project.name}{of}")
    site = dataclasses.replace(site, digest=builder.build(site.project, progress))
    taken = 0
    if site.digest is None or repository.image(site, site.digest) is None:
        digest: list[str] = []
        step = _push_step(site, lambda: digest.append(builder.push(site, progress)))
        execute(Plan((step,)), progress)
        site, taken = dataclasses.replace(site, digest=digest[0]), 1
    # By itself, so that a run that ends here is made good by the next.
    marks = Plan.of(_mark(site))
    execute(marks, progress)
    return site, taken + len(marks.steps)


def plan(site: Site, builder: Builder | None) -> Iterator[Step | Note]:
    """Yield what makes the repository, and what brings an image for each architecture there."""
    if site.project.image_uri is not None:
        return
    yield from repository.plan(site)
    if builder is None:
        return
    sites = [site.of(each) for each in site.project.architectures]
    if any(each.digest is None for each in sites):
        yield Note(
            "the image's digest is known once it is pushed: what uses it is shown as changed"
        )
    for each in sites:
        yield from _one_image(each)


def _one_image(site: Site) -> Iterator[Step]:
    if repository.find(site) is None or site.digest is None:
        yield _push_step(site, lambda: None)
        yield _mark_step(site)
        return
    if repository.image(site, site.digest) is None:
        yield _push_step(site, lambda: None)
    yield from _mark(site)


def _mark(site: Site) -> Iterator[Step]:
    digest = site.digest or ""
    live = repository.image(site, digest) or {}
    if repository.marked(site, digest) not in (live.get("imageTags") or ()):
        yield _mark_step(site)


def _mark_step(site: Site) -> Step:
    return Step(
        "update", "image", f"mark of {_image_name(site)}", "clean-ups recognise it by that",
        lambda: repository.mark(site, site.digest or ""), site.project.architecture,
    )  # fmt: skip


def _push_step(site: Site, run: Callable[[], object]) -> Step:
    # Where the digest is not known, the architecture tells one from the other.
    return Step(
        "create", "image", _image_name(site), "it is not in the repository", run,
        site.project.architecture,
    )  # fmt: skip


def _image_name(site: Site) -> str:
    return f"image {site.project.repository}" + (f"@{site.digest[:19]}" if site.digest else "")
