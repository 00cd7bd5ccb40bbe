"""The installation says how far it is and, when it cannot go on, what is missing."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import pytest

from paysite.local_stack import chromium, haproxy, install
from paysite.local_stack.errors import LocalStackError

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "paysite" / "local_stack" / "install.py"
LOCKS = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_hashes_and_names_no_place(lock: Path) -> None:
    text = lock.read_text()
    blocks = re.split(r"\n(?=[a-z0-9])", text[re.search(r"^[a-z0-9]", text, re.MULTILINE).start() :])  # type: ignore[union-attr]

    assert len(blocks) > 20
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+==[^\s;]+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", block), block
    assert not re.search(r"https?://|file:|--index|--extra|--find-links|@ ", text)


def test_both_lists_pin_the_same_version_of_what_they_share() -> None:
    first, second = (
        dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE)) for path in LOCKS
    )

    assert {
        name: (first[name], second[name])
        for name in first.keys() & second.keys()
        if first[name] != second[name]
    } == {}


def test_a_failing_installation_says_why_and_where_to_read_on(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("this-has-no-hash==1.0\n")
    command = [sys.executable, str(SCRIPT), str(tmp_path / ".venv"), str(requirements)]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert answer.returncode == 1
    assert "Installing 1 packages into" in answer.stdout
    assert "error: pip could not install the requirements" in answer.stdout
    assert "install.log" in answer.stdout
    assert "hash" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_a_missing_venv_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(install, "can_install_packages", lambda: False)

    with pytest.raises(
        install.InstallError, match=r"the package python3\.\d+-venv is missing.*apt-get install python3"
    ):
        install.ensure_venv_module(io.StringIO())


def test_a_missing_venv_package_is_installed_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[str]] = []

    def apt_install(packages: Sequence[str], _: TextIO) -> bool:
        asked.append(packages)
        return True

    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(install, "can_install_packages", lambda: True)
    monkeypatch.setattr(install, "apt_install", apt_install)

    install.ensure_venv_module(io.StringIO())

    assert asked == [[f"python3.{sys.version_info[1]}-venv"]]


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "MINIMUM_PYTHON", (99, 0))

    with pytest.raises(install.InstallError, match=r"Python 99\.0 or newer is needed, but .* is 3\."):
        install.check_python()


def test_a_browser_that_only_says_what_is_missing_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "chromium-browser"
    stub.write_text("#!/bin/sh\necho 'requires the chromium snap to be installed' >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)

    assert chromium.find_chromium() is None
    with pytest.raises(LocalStackError, match="browser tests need Chromium or Chrome"):
        chromium.require_chromium()


def test_the_browser_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "my-browser"
    browser.write_text("#!/bin/sh\necho 'Chromium 150.0'\n")
    browser.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(browser))

    assert chromium.require_chromium() == browser


def test_a_missing_haproxy_is_named_where_it_may_not_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(haproxy, "WHERE", str(tmp_path))
    monkeypatch.setattr(haproxy, "can_install_packages", lambda: False)
    monkeypatch.delenv("HAPROXY", raising=False)

    with pytest.raises(
        LocalStackError, match=r"need HAProxy .*sudo apt-get install haproxy.*make run INSTANCES=1"
    ):
        haproxy.require_haproxy(tmp_path)


def test_a_missing_haproxy_is_installed_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "haproxy"

    def apt_install(packages: Sequence[str], _: TextIO) -> bool:
        assert packages == ["haproxy"]
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        return True

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(haproxy, "WHERE", str(tmp_path))
    monkeypatch.setattr(haproxy, "can_install_packages", lambda: True)
    monkeypatch.setattr(haproxy, "apt_install", apt_install)
    monkeypatch.delenv("HAPROXY", raising=False)

    assert haproxy.require_haproxy(tmp_path / "log") == program


def test_the_balancers_configuration_gets_our_addresses_below_its_own_defaults() -> None:
    text = haproxy.render(
        "global\n    chroot /x\n    maxconn 9\nfrontend site\n    bind :80\n    bind :81\n"
        "backend web\n    default-server check\n    server web-1 x:1\n    server web-2 x:2\n",
        {"site": ["a:1"]},
        {"web": ["b:1", "b:2", "b:3"]},
    )

    assert text == (
        "global\nfrontend site\n    bind a:1\nbackend web\n    default-server check\n"
        "    server web-1 b:1\n    server web-2 b:2\n    server web-3 b:3\n"
    )
