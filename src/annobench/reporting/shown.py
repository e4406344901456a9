"""Which part of a study a table or figure shows."""

from annobench.settings import Name, Settings


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
