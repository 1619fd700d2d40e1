"""Where a project's table is, said alike on every machine: the repository, and the way in it.

Two tables may have one project's name: a team's repository of images, a copied folder. Nothing in
AWS would tell what has left one of them from what is in the other.
"""

import re
from pathlib import Path

_REMOTE = re.compile(r'^\[remote "origin"\]$[^[]*?^\s*url\s*=\s*(.+?)\s*$', re.M)


def origin(folder: Path) -> str:
    """Return "shop/services/orders": the repository's name and the folder in it.

    The name is that of the remote repository, so that a clone may have any. Without git it is the
    folder's name alone.
    """
    folder = folder.resolve()
    root = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
    if root is None:
        return folder.name
    return "/".join([_repository(root), *folder.relative_to(root).parts])


def _repository(root: Path) -> str:
    try:
        remote = _REMOTE.search((_git(root) / "config").read_text())
    except (OSError, UnicodeDecodeError):
        remote = None
    if remote is None:
        return root.name
    return re.split(r"[/:]", remote[1].rstrip("/"))[-1].removesuffix(".git") or root.name


def _git(root: Path) -> Path:
    """Return the folder of git's configuration; a worktree's .git is a file that leads there."""
    git = root / ".git"
    if git.is_file():
        git = root / git.read_text().removeprefix("gitdir:").strip()
        common = git / "commondir"
        if common.is_file():
            git = git / common.read_text().strip()
    return git
