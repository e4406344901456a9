"""Label aggregation: annotations in, one posterior per item out. crowd-kit does the work.

A file `<kind>.py` defines

    def posterior(annotations: pd.DataFrame, options: pd.Series) -> pd.DataFrame
        annotations: `tables.ANNOTATIONS`; options: number of options, indexed by item
        returns columns item and distribution (a list of one probability per option), one row for
        each annotated item, sorted by item
"""
