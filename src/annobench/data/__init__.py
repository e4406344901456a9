"""Data sets, one file each.

A file `<kind>.py` defines

    class Settings(annobench.settings.Settings)      its keys in a study
    def size(settings: Settings) -> dict[str, int] | None
        how many items of each split, as far as that is known before anything is read
    def items(name: str, settings: Settings, hub_root: Path | None) -> pd.DataFrame
        the table `tables.ITEMS`; `name` is the data set's name in the study, for random streams;
        `hub_root` is the folder of a local mirror in the Hub's layout,
        `<hub_root>/datasets/<owner>/<name>/...`, or None for the Hub itself

and, if its items ask for free text, with `answers` and without options,

    FREE_TEXT = True

If its items are pairs of responses to compare, with `sources`, it also defines

    PAIRS = True

and its `Settings` are a `pairs.Pairs`. If models write these responses, it defines in the place of
`items`

    def prompts(name, settings, hub_root) -> pd.DataFrame
        `tables.ITEMS` without options
    def items(name, settings, hub_root, responses) -> pd.DataFrame
        `responses`: `tables.RESPONSES` to these prompts, by `settings.stronger` as option 0 and
        `settings.weaker` as option 1, each a `pairs.Writer`

Either all items of a data set have options or none has. Data sets of the Hub share `annobench.hub`,
and those with people's labels `annobench.people`.

`Settings.files` names the files of the user that it reads, if it reads any.
"""
