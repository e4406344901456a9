"""How annotations come to be, one file for each kind of noise.

A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys in a study
    def has_annotator_ids(settings: Settings) -> bool
    def has_truth(settings: Settings) -> bool
        whether the annotators' true expertise is known
    def judge(settings: Settings) -> str | None
        name of the study's model whose zero-shot probabilities it needs, if it needs any
    def annotate(items, base, settings, rng) -> tuple[pd.DataFrame, pd.DataFrame]
        items: `tables.ITEMS`; base: `tables.PREDICTIONS` of all items under the judge, or None
        returns `tables.ANNOTATIONS` of the training items, and `tables.TRUTH`; annotations of
        other items, if there are any, are for evaluation only

`Settings.files` names the files of the user that it reads, if it reads any.
"""
