"""Data sets, one file each.

A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys in a study
    def items(name: str, settings: Settings) -> pd.DataFrame
        the table `tables.ITEMS`; `name` is the data set's name in the study, for random streams
"""
