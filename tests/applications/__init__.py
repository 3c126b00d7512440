"""Real applications, driven as their users do."""

from pathlib import Path

SITES = Path(__file__).parent / "sites"
