"""Where a table is, said alike in every clone."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.project.origin import origin

CONFIG = """
[core]
    bare = false
[remote "other"]
    url = nowhere
[remote "origin"]
    url = {}
    fetch = +refs/heads/*
"""


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("git@example.com:team/shop.git", "shop"),
        ("https://user:secret@example.com/team/shop", "shop"),
        ("ssh://example.com/shop.git/", "shop"),
    ],
)
def test_a_clone(tmp_path: Path, url: str, name: str) -> None:
    """The name is the remote's, whatever the clone is called; no credentials are in it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(CONFIG.format(url))
    folder = tmp_path / "services" / "orders"
    folder.mkdir(parents=True)
    assert origin(folder) == f"{name}/services/orders"
    assert origin(tmp_path) == name


def test_a_worktree(tmp_path: Path) -> None:
    """Its .git is a file, which leads to the repository's folder."""
    common, tree = tmp_path / "main" / ".git", tmp_path / "tree"
    (common / "worktrees" / "tree").mkdir(parents=True)
    tree.mkdir()
    (common / "config").write_text(CONFIG.format("git@example.com:team/shop.git"))
    (common / "worktrees" / "tree" / "commondir").write_text("../..\n")
    (tree / ".git").write_text(f"gitdir: {common / 'worktrees' / 'tree'}\n")
    assert origin(tree) == "shop"


def test_without_a_remote_or_without_git(tmp_path: Path) -> None:
    """The folders' own names are all that there is."""
    folder = tmp_path / "shop" / "orders"
    folder.mkdir(parents=True)
    assert origin(folder) == "orders"
    (tmp_path / "shop" / ".git").mkdir()
    assert origin(folder) == "shop/orders"
