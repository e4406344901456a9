"""How annotations come to be, one file for each kind of noise.

A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys in a study; a simulated crowd's come
                                                     from annobench.crowd.Crowd
    def has_annotator_ids(settings: Settings) -> bool
    def has_truth(settings: Settings) -> bool
        whether the annotators' true expertise is known
    def judge(settings: Settings) -> str | None
        the study's model whose zero-shot probabilities the noise needs; None if it needs none
    def annotate(items, base, settings, rng) -> tuple[pd.DataFrame, pd.DataFrame]
        items: `tables.ITEMS`; base: `tables.PREDICTIONS` of all items under the judge, or None;
        rng: np.random.Generator
        returns `tables.ANNOTATIONS` of the training items, and `tables.TRUTH`; annotations of
        other items, if there are any, are for evaluation only
    def label_accuracy(expertise, options, ...)
        of a simulated crowd: how often annotators' labels are right, computed, not simulated

`Settings.files` names the files of the user that it reads, if it reads any. What the simulated
crowds share is in annobench/crowd.py; docs/noise.md has every kind's formula.
"""
