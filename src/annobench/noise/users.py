"""Users who compare two responses: some look before they choose, and some do not.

User i looks at a comparison with probability eta_i, its attentiveness. Who looks chooses the gold
response, or draws one from the items' scores s (Bradley and Terry); who does not look acts by
habit. Which response is shown first is a fair coin.

    looks     = 1 with probability eta_i
    attentive = y, or 0 with probability sigmoid(scale (s_0 - s_1)) and 1 otherwise
    label     = attentive          if the user looks
                0 or 1 alike       otherwise, of a user who tosses a coin
                the one first      otherwise, of a user of habit `position`
                1 - attentive      otherwise, of a user of habit `adversarial`
    accuracy  = mean of eta_i a_j + (1 - eta_i) c_j

where a_j is the probability that an attentive choice is gold (1, or that of the draw), and c_j is
1 - a_j of adversarial users, 1/2 of all others. Users as Annotators (Cai and Li 2025) in our
reconstruction; the habits are ours. Each property of users has a random stream of its own, so that
another q makes other users attentive and leaves all else as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from annobench import settings as _settings
from annobench.errors import AnnobenchError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from annobench.crowd import Mask, Real

PAIRS = True

Share = Annotated[float, Field(ge=0, le=1)]
LEAST = 2
"""Comparisons that every user makes: nothing is to be learned about users of one."""


class Bernoulli(_settings.Settings):
    """Users either always look, or never."""

    kind: Literal["bernoulli"] = "bernoulli"
    q: Share = 0.5
    """The probability that a user is attentive (1) and not careless (0)."""


class Beta(_settings.Settings):
    """Users look sometimes, some of them more often than others."""

    kind: Literal["beta"] = "beta"
    a: PositiveFloat = 2.0
    """First parameter of the Beta distribution; the mean attentiveness is a / (a + b)."""
    b: PositiveFloat = 2.0
    """Second parameter."""


class Settings(_settings.Settings):
    users: int = Field(200, ge=1)
    """How many users there are."""
    attentiveness: Annotated[Bernoulli | Beta, Field(discriminator="kind")] = Bernoulli()
    """The distribution that each user's attentiveness is drawn from."""
    comparisons: int = Field(20, ge=LEAST)
    """How many comparisons a user makes on average, each of another training item."""
    skew: float = Field(0.0, ge=0, le=10)
    """How unequal users' numbers of comparisons are: that of rank r = 0, 1, ... is proportional to
    (r + 1)^-skew, between 2 and the number of items. Ranks are dealt at random; 0 gives everyone
    the same number."""
    choice: Literal["gold", "bradley-terry"] = "gold"
    """What users choose who look: the gold response, or one drawn from the responses' scores."""
    scale: PositiveFloat = 1.0
    """How much a score counts in a choice of kind `bradley-terry`."""
    position: Share = 0.0
    """The share of users who, when they do not look, choose what is shown first."""
    adversarial: Share = 0.0
    """The share of users who, when they do not look, choose the opposite of an attentive choice."""

    @model_validator(mode="after")
    def _shares_of_all(self) -> Settings:
        if self.position + self.adversarial > 1:
            raise ValueError(
                f"position, adversarial: found {self.position} and {self.adversarial};"
                " allowed: shares that sum to 1 or less"
            )
        return self


def has_annotator_ids(settings: Settings) -> bool:
    """Without users' names there is nothing to learn about them."""
    return True


def has_truth(settings: Settings) -> bool:
    """The truth of simulated users is always known."""
    return True


def judge(settings: Settings) -> None:
    """Needs no model."""


def label_accuracy(expertise: Real, attentive: Real, adversarial: Mask) -> Real:
    """How often users' choices are gold, over items each equally likely: [users].

    Args:
        expertise: attentiveness eta, [users].
        attentive: the probability that an attentive choice is gold, [items].
        adversarial: whether who does not look chooses the opposite, [users].
    """
    import numpy as np

    right = attentive.mean()
    careless = np.where(adversarial, 1 - right, 0.5)
    accuracy: Real = expertise * right + (1 - expertise) * careless
    return accuracy


def annotate(
    items: pd.DataFrame, base: pd.DataFrame | None, settings: Settings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables.ANNOTATIONS` and `tables.TRUTH`, whose expertise is attentiveness.

    Training items whose responses tie, so that they have no gold one, are left out. A user's
    comparisons stand together, in random order.

    Raises:
        AnnobenchError: a training item has not two options, or no scores where they are needed, or
            there are fewer items than comparisons of a user.
    """
    import numpy as np
    import pandas as pd

    from annobench.crowd import names
    from annobench.loads import deal, falling

    pairs = _pairs(items, settings)
    if settings.comparisons > len(pairs):
        raise AnnobenchError(
            f"noise of kind `users`: comparisons: found {settings.comparisons}; allowed: at most"
            f" {len(pairs)}, the training items with a gold response, as a user sees each once"
        )
    gold = pairs["gold"].to_numpy(dtype=np.int64)
    p = _attentive(pairs, settings)  # that an attentive choice is option 0, [items]
    of_eta, of_habit, of_load, of_item, of_first, of_look, of_choice, of_coin = rng.spawn(8)

    eta = _attentiveness(settings, of_eta)
    habit = of_habit.random(settings.users)
    by_position, adversarial = habit < settings.position, habit >= 1 - settings.adversarial
    load = falling(settings.users, settings.comparisons, LEAST, len(pairs), settings.skew)
    load = of_load.permutation(load)
    item = deal(load, len(pairs), of_item)
    user = np.arange(settings.users).repeat(load)

    first = of_first.integers(0, 2, len(item))
    looks = of_look.random(len(item)) < eta[user]
    attentive = (of_choice.random(len(item)) >= p[item]).astype(np.int64)
    coin = of_coin.integers(0, 2, len(item))
    careless = np.select([by_position[user], adversarial[user]], [first, 1 - attentive], coin)

    name = np.array(names(settings.users), dtype=object)
    annotations = pd.DataFrame(
        {
            "item": pairs["item"].to_numpy(dtype=object)[item],
            "label": np.where(looks, attentive, careless),
            "annotator": name[user],
            "first": first,
        }
    )
    tasks, task = np.unique(pairs["task"].to_numpy(dtype=object), return_inverse=True)
    right = np.where(gold == 0, p, 1 - p)
    accuracy = [label_accuracy(eta, right[task == t], adversarial) for t in range(len(tasks))]
    truth = pd.DataFrame(
        {
            "annotator": name.repeat(len(tasks)),
            "task": np.tile(tasks, settings.users),
            "expertise": eta.repeat(len(tasks)),
            "accuracy": np.stack(accuracy, axis=1).ravel(),
        }
    )
    return annotations, truth


def _pairs(items: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The training items with a gold response."""
    train = items[items["split"] == "train"]
    unusable = train["item"][train["options"].map(len) != 2]
    if len(unusable):
        raise AnnobenchError(
            f"item {unusable.iloc[0]!r}: found no two responses;"
            " allowed for noise of kind `users`: pairs of responses"
        )
    return train[train["gold"].notna()]


def _attentiveness(settings: Settings, rng: np.random.Generator) -> Real:
    """eta, [users]."""
    import numpy as np

    how = settings.attentiveness
    if isinstance(how, Beta):
        return rng.beta(how.a, how.b, settings.users)
    return (rng.random(settings.users) < how.q).astype(np.float64)


def _attentive(pairs: pd.DataFrame, settings: Settings) -> Real:
    """The probability that an attentive choice is option 0, [items]."""
    import numpy as np
    from scipy.special import expit

    if settings.choice == "gold":
        return np.where(pairs["gold"] == 0, 1.0, 0.0)
    from annobench.tables import stack

    given = pairs.reindex(columns=["scores"])["scores"]
    missing = pairs["item"][given.map(lambda s: np.size(s) != 2 or not np.isfinite(s).all())]
    if len(missing):
        raise AnnobenchError(
            f"item {missing.iloc[0]!r}: found no scores of its responses;"
            " allowed with `choice: bradley-terry`: data with a score for each response"
        )
    score = stack(given, 2)
    p: Real = expit(settings.scale * (score[:, 0] - score[:, 1]))
    return p
