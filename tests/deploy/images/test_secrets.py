"""What looks like a secret and gets into no image."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.deploy.images.context import prepared
from amazon_lambda_runtime.deploy.images.files import select
from amazon_lambda_runtime.deploy.images.model import ImageError, ImageSpec

KEY_ID = "AKIA" + "Q3EGRUVX7JWNBDMZ"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzzzzzzzzzz"
PRIVATE = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n"


def project(folder: Path, **files: str) -> Path:
    (folder / "hello.py").write_text("def handler(event, context): ...\n")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".env.production", "sub/.env", ".netrc", ".npmrc", ".pypirc", "id_rsa", "id_dsa",
        "id_ecdsa", "sub/id_ed25519", "credentials", "credentials.json", "terraform.tfstate",
        "terraform.tfstate.backup", "store.p12",
    ],
)  # fmt: skip
def test_left_out_by_name(tmp_path: Path, name: str) -> None:
    """It is named in one line; `include` allows one by its path."""
    folder = project(tmp_path, **{name: "x"})
    found = select(ImageSpec(folder, "hello.handler"))
    assert set(found.files) == {"hello.py"}
    (note,) = found.notes
    assert note.startswith(f"left out of the image, as they may hold secrets: {name} ")
    found = select(ImageSpec(folder, "hello.handler", include=(name,)))
    assert set(found.files) == {"hello.py", name}
    assert found.notes == ()


def test_the_environment_file(tmp_path: Path) -> None:
    """It is left out whatever its name, and a module is not, whatever its name."""
    folder = project(tmp_path, **{"settings.txt": "A=1", "credentials.py": "", ".env.py": ""})
    found = select(ImageSpec(folder, "hello.handler", secret=("settings.txt",)))
    assert set(found.files) == {"hello.py", "credentials.py", ".env.py"}
    assert found.left_out == ("settings.txt",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (PRIVATE, "a private key"),
        ("x" * ((1 << 20) - 20) + PRIVATE, "a private key"),
        (f"id = {KEY_ID}\nkey = {SECRET_KEY}\n", "a pair of AWS access keys"),
        (f"{SECRET_KEY}\n{KEY_ID.replace('AKIA', 'ASIA')}", "a pair of AWS access keys"),
    ],
)
def test_stopped_by_content(tmp_path: Path, text: str, what: str) -> None:
    """The build ends and names the file, wherever in it the secret is; `include` allows it."""
    folder = project(tmp_path, **{"key.pem": text})
    with pytest.raises(ImageError, match=f"^key.pem contains {what}.*include = "):
        select(ImageSpec(folder, "hello.handler"))
    assert "key.pem" in select(ImageSpec(folder, "hello.handler", include=("key.pem",))).files


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ca.pem", "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n"),
        ("keys.py", PRIVATE),
        ("notes.txt", f"only an id: {KEY_ID}"),
        ("digest.txt", "d" * 40),
        ("docs.txt", f"AKIAIOSFODNN7EXAMPLE {SECRET_KEY}"),
    ],
)
def test_what_is_no_secret(tmp_path: Path, name: str, text: str) -> None:
    """Certificates, modules, half a pair, and the examples of AWS's own documentation."""
    found = select(ImageSpec(project(tmp_path, **{name: text}), "hello.handler"))
    assert name in found.files
    assert found.notes == ()


def test_modes_for_engines_with_a_dockerfile(tmp_path: Path) -> None:
    """A file that only its owner reads is readable for everyone in the image, as Lambda needs."""
    folder = project(tmp_path, **{"data.txt": "x", "tool": "x", ".env": "A=1"})
    (folder / "data.txt").chmod(0o600)
    (folder / "tool").chmod(0o700)
    with prepared(ImageSpec(folder, "hello.handler")) as context:
        modes = {
            path.name: path.stat().st_mode & 0o777
            for path in context.folder.iterdir()
            if path.name in ("data.txt", "tool", ".env")
        }
        assert modes == {"data.txt": 0o644, "tool": 0o755}
        assert ".env" in context.notes[0]
