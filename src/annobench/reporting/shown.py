"""Which part of a study a table or figure shows."""

from collections.abc import Iterator

from annobench.settings import Name, Settings

_NAMING = {
    "datasets": "datasets",
    "models": "models",
    "noises": "noise",
    "methods": "methods",
    "model": "models",
    "method": "methods",
    "reference": "methods",
    "baseline": "methods",
}
"""Keys that name entries of an axis of the study, in every table and figure that has them."""


class Shown(Settings):
    """The names to show of each axis; none named means all."""

    datasets: tuple[Name, ...] = ()
    """The data sets to show; none named means all."""
    models: tuple[Name, ...] = ()
    """The models to show; none named means all."""
    noises: tuple[Name, ...] = ()
    """The kinds of noise to show; none named means all."""
    methods: tuple[Name, ...] = ()
    """The methods to show; none named means all."""

    def named(self) -> Iterator[tuple[str, str, str]]:
        """Every entry of the study that is named here: its key, its axis and its name."""
        for key, axis in _NAMING.items():
            asked = getattr(self, key, None) or ()
            for name in [asked] if isinstance(asked, str) else asked:
                yield key, axis, name
