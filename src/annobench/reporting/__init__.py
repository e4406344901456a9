"""Tables and figures of a study, one file each in `tables/` and `figures/`.

`tables/<kind>.py` defines

    class Settings(annobench.reporting.shown.Shown)   its keys in a study
    def table(tables: StudyTables, settings: Settings) -> pd.DataFrame
        cells are text, numbers, nulls or `formats.Estimate`; `formats` writes them as CSV,
        Markdown and LaTeX

`figures/<kind>.py` defines

    class Settings(annobench.reporting.shown.Shown)
    def figure(tables: StudyTables, settings: Settings) -> matplotlib.figure.Figure
        drawn within `style.paper()`, without pyplot; `style.save` writes it

A hole (a cell that diverged, failed or ran out of memory) is shown with its status, never left out.
These files are imported to validate a study, so they import heavy packages inside functions only.
"""
