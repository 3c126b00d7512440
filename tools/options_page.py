"""Writes docs/options.md from freastal/config.py, where every option is said once.

    python tools/options_page.py            print the page
    python tools/options_page.py --write    write it

tests/style/test_docs.py fails when the page in the repository is another one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from freastal.config import DEFAULTS, OPTIONS, Option

PAGE = Path(__file__).resolve().parent.parent / "docs" / "options.md"

HEAD = """\
# Options

<!-- Written by tools/options_page.py from freastal/config.py. -->

On the command line as shown; in Python as keyword arguments of `freastal.serve`, `freastal.Server` and
`freastal.Config`, under the name in the second column. Durations are seconds, sizes are bytes and may be given
with a unit (`64k`, `1m`, `2g`). Where gunicorn has an option, the name and the meaning are gunicorn's.

A number behind a semicolon in the description is the status, or the close code of a WebSocket, that a peer gets who
exceeds it.
"""


def flags(name: str, option: Option) -> str:
    plain = option.flags or ("--" + name.replace("_", "-"),)
    if option.off_help:
        plain = (*plain, "--no-" + name.replace("_", "-"))
    shown = ", ".join(f"`{flag}`" for flag in plain)
    return shown + (f" `{option.metavar}`".replace("|", "\\|") if option.metavar else "")


def default(value: Any) -> str:
    if value is None or value == "" or value == ():
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def page() -> str:
    groups: dict[str, list[str]] = {}
    for name, option in OPTIONS.items():
        row = f"| {flags(name, option)} | `{name}` | {default(DEFAULTS[name])} | {option.help} |"
        groups.setdefault(option.group, []).append(row)
    parts = [HEAD]
    for title, rows in groups.items():
        parts.append(
            f"\n## {title}\n\n| option | in Python | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "".join(parts)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
