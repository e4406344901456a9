"""`python -m annobench`."""

from annobench.cli import app

app()
