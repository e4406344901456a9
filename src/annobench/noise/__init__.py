"""How annotations come to be, one file for each kind of noise.

A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys in a study
    def has_annotator_ids(settings: Settings) -> bool
    def annotate(items: pd.DataFrame, settings: Settings, rng: np.random.Generator)
            -> tuple[pd.DataFrame, pd.DataFrame]
        tables `tables.ANNOTATIONS` (of the training items) and `tables.TRUTH`
"""
