"""The example of an environment names what the settings read, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# How files are stored is not an installation's to choose; tests and the local stack set it.
NOT_FOR_INSTALLATIONS = {"STATICFILES_BACKEND"}


def test_the_example_names_every_setting_and_no_other() -> None:
    settings = (ROOT / "paysite" / "settings.py").read_text()
    read = set(re.findall(r"""env\.[a-z_]+\(\s*["']([A-Z][A-Z0-9_]+)""", settings))
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert named == read - NOT_FOR_INSTALLATIONS
