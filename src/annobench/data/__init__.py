"""Data sets, one file each.

A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys in a study
    def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame
        the table `tables.ITEMS`; `name` is the data set's name in the study, for random streams;
        `hub_root` is a local mirror to read instead of the Hub

`Settings.files` names the files of the user that it reads, if it reads any.
"""
