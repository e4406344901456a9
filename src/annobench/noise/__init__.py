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
        other items, if there are any, are for evaluation only; a noise that puts wrong labels in
        the place of right ones says which in `corrupted`
    def label_accuracy(expertise, options, ...)
        of a simulated crowd: how often annotators' labels are right, computed, not simulated

and, if they hold for it,

    FREE_TEXT = True        it can also annotate items without options, whose answers are texts
    PAIRS = True            it annotates pairs of responses only, see annobench/pairs.py
    STREAM = "<name>"       its random stream is named after this and not after the study's entry,
                            so that two entries of this kind are drawn alike but for their settings

`Settings.files` names the files of the user that it reads, if it reads any. What the simulated
crowds share is in annobench/crowd.py; docs/noise.md has every kind's formula.
"""
