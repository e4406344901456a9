"""How annotations come to be, one file for each kind of noise.

A file `<kind>.py` defines

    class Settings(annobench.crowd.Crowd)            its keys in a study
    def has_annotator_ids(settings) -> bool
    def judge(settings) -> str | None
        the study's model whose zero-shot probabilities the noise needs; None if it needs none
    def annotate(items, base, settings, rng) -> tuple[pd.DataFrame, pd.DataFrame]
        items: table `tables.ITEMS`; base: `tables.PREDICTIONS` of all items under the judge with
        no training, or None; rng: np.random.Generator
        returns `tables.ANNOTATIONS` of the training items and `tables.TRUTH`
    def label_accuracy(expertise, options, ...)
        how often annotators' labels are right: computed, not simulated

Noise that is not simulated derives its Settings from annobench.settings.Settings and has no
`label_accuracy`. What the simulated crowds share is in annobench/crowd.py; docs/noise.md has every
kind's formula.
"""
