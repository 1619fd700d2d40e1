"""A reader's terminal: it runs a page's commands in order, in one folder, as they stand there.

What is served stays up for the commands that follow, on free ports. `lambda-runtime deploy` and the
rest talk to an AWS on this machine, with an engine of images that needs no registry.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.support import Process
from tests.deploy.world import World

from .pages import ROOT, Command, Output, Step

# The command as the pages call it.
STAND_IN = f"""\
#!{sys.executable}
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.deploy import fake_images
sys.modules["amazon_lambda_runtime.deploy.images"] = fake_images
if sys.argv[1:2] == ["local"]:
    # It is about this machine, where the stand-in for AWS is not.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    if not {{"-e", "--event"}} & set(sys.argv):
        sys.argv[2:2] = ["--port", "0", "--url-port", "0"]
from amazon_lambda_runtime.cli import main
main()
"""
# What the pages write for a port, and the line that tells the one that it is here.
ADDRESSES = {
    "9000": r"listens? on http://\S+:(\d+)",
    "9001": r"(?i)url: http://\S+:(\d+)/",
    "PORT": r"(?:--endpoint-url|AWS on this machine, .*:) http://\S+:(\d+)",
}
# What a reader has and this folder has not: a log to be followed, and a seventh version.
OWN = {r"logs -f": "logs", r"--to 7": "--to 1"}
PROFILE = "[default]\nregion = eu-central-1\n[profile me]\nregion = eu-central-1\n"
CREDENTIALS = "[{}]\naws_access_key_id = test\naws_secret_access_key = test\n"


class Shell:
    """A folder of somebody called me, what was exported, and what is served."""

    def __init__(self, world: World, *examples: str) -> None:
        self.folder = world.folder
        world.client("iam").create_user(UserName="me")
        (self.folder / "payload.json").unlink(missing_ok=True)
        (self.folder / "policies").unlink(missing_ok=True)
        for example in examples:
            shutil.copytree(ROOT / "examples" / example, self.folder, dirs_exist_ok=True)
        self.path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        above = self.folder.parent
        programs = above / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "lambda-runtime").write_text(STAND_IN)
        (programs / "lambda-runtime").chmod(0o755)
        # What the server refuses is a failure here; a queue's address at AWS is not one here.
        wrapped = {
            "curl": 'exec {} --fail-with-body "$@"',
            "aws": 'case "$*" in *--endpoint-url*) exec {0} "$@";; esac\n'
            'exec {0} "$@" --endpoint-url "$AWS_ENDPOINT_URL"',
        }
        for name, script in wrapped.items():
            program = shutil.which(name, path=self.path) or name
            (programs / name).write_text(f"#!/bin/sh\n{script.format(program)}\n")
            (programs / name).chmod(0o755)
        (above / "config").write_text(PROFILE)
        (above / "credentials").write_text(CREDENTIALS.format("default") + CREDENTIALS.format("me"))
        self.variables = {
            **os.environ,
            "PATH": f"{programs}:{self.path}",
            "HOME": str(above),
            "AWS_CONFIG_FILE": str(above / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(above / "credentials"),
        }
        self._state = above / "state"
        self._server: Process | None = None
        self._waiting: Process | None = None
        #: What the last command wrote to stdout.
        self.printed = ""
        #: What the pages write for the addresses that are served here.
        self._ports: dict[str, str] = {}

    def do(self, step: Step) -> None:
        """Do what the page says; a command has to succeed."""
        if isinstance(step, Command):
            self.printed = self._run(step)
        elif isinstance(step, Output):
            assert step.matches(self.printed), self.printed
        else:
            with (self.folder / step.name).open("a" if step.added else "w") as file:
                file.write("\n" * step.added + step.text)

    def _run(self, command: Command) -> str:
        if command.serves:
            self._serve(command.text)
            return ""
        text = command.text
        for written, served in (OWN | self._ports).items():
            text = re.sub(written, served, text)
        if "order:$LATEST" in text and "2000" in text:
            self._begin(text)
            return ""
        if "-m pytest" in text:
            # It is about this machine, as `lambda-runtime local` is.
            return self.type("unset ${!AWS_*}", text)
        return self.type(text)

    def _begin(self, text: str) -> None:
        """Start an execution that waits, in another terminal; the next commands are about it."""
        assert self._server is not None
        self._waiting = Process(["bash", "-c", text], self.folder, self.variables)
        name = self._server.wait_for(r"execution (\S+) waits for the callback")[1]
        self._ports[r"\bNAME\b"] = name

    def type(self, *lines: str, **variables: str) -> str:
        """Run lines as a shell does that stops at the first that fails."""
        script = "\n".join([*lines, f"pwd > {self._state}", f"export -p >> {self._state}"])
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        told = f"{lines}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, told
        assert "Traceback" not in told
        self.stderr = done.stderr
        folder, _, exported = self._state.read_text().partition("\n")
        self.folder = Path(folder)
        for name, value in re.findall(r'^declare -x (\w+)="(.*)"$', exported, re.M):
            self.variables[name] = value
        return done.stdout

    def _serve(self, text: str) -> None:
        self.close()
        server = Process(["bash", "-c", f"exec {text}"], self.folder, self.variables)
        self._server = server
        self._ports = {}
        # The last of the first lines: of a queue, of functions, or of a project.
        server.wait_for(
            "aws sqs" if "--sqs" in text else r"\n  ((\w+: )?the function's URL: |ready\n)"
        )
        for written, told in ADDRESSES.items():
            if found := re.search(told, server.log):
                self._ports[rf"\b{written}\b"] = found[1]
        self._ports[r"--local\b"] = "--local " + self._ports[r"\b9000\b"]

    def close(self) -> None:
        """Press Ctrl-C, if something is served."""
        if self._server is not None:
            status = self._server.end(signal.SIGINT)
            assert status == 0, self._server.log
            # One below [ERROR] is the function's, which Ctrl-C has interrupted.
            ours = re.search(r"(?m)^(?!\[ERROR\]).*\nTraceback", self._server.log)
            assert ours is None, self._server.log
            self._server = None
        if self._waiting is not None:
            self._waiting.wait()  # its server is gone
            self._waiting = None
