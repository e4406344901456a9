"""annobench: learning language models from imperfect labels, as a reproducible study."""

__version__ = "0.1.0"
