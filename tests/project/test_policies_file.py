"""The policies file: one ARN a line, comments, and errors that name the line."""

from pathlib import Path

import pytest

from amazon_lambda_runtime.project.errors import ConfigError
from amazon_lambda_runtime.project.policies_file import read

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
OWN = "arn:aws:iam::123456789012:policy/team/orders"
CHINA = "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(f"# needed\n{BASIC}\n\n  # {OWN}\n", [BASIC], id="comments"),
        pytest.param(f"  {OWN}  \r\n{BASIC}\t# both", [OWN, BASIC], id="space-and-order"),
        pytest.param(f"{BASIC}\n{OWN}\n{BASIC}\n", [BASIC, OWN], id="twice"),
        pytest.param(f"\ufeff{CHINA}", [CHINA], id="byte-order-mark"),
    ],
)
def test_lines(tmp_path: Path, text: str, expected: list[str]) -> None:
    """Each ARN once, in the file's order; what begins with # is not read."""
    file = tmp_path / "policies"
    file.write_bytes(text.encode())
    assert read(file) == expected


@pytest.mark.parametrize(
    "line",
    ["AWSLambdaBasicExecutionRole", BASIC.replace(":aws:policy", ":12:policy"), f"{BASIC},"[1:]],
)
def test_no_arn(tmp_path: Path, line: str) -> None:
    """A line that is none of the three is an error that says where it is."""
    file = tmp_path / "policies"
    file.write_text(f"# first\n{line}\n")
    with pytest.raises(ConfigError, match=r"policies, line 2: .* is not the ARN"):
        read(file)


def test_unreadable(tmp_path: Path) -> None:
    """No file, and no text, are errors in one line."""
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "policies")
    (tmp_path / "policies").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not text"):
        read(tmp_path / "policies")


def test_template() -> None:
    """The file that `init` writes grants logging and nothing else."""
    template = Path(__file__).parents[2] / "src/amazon_lambda_runtime/cli/templates/policies"
    assert read(template) == [BASIC]
