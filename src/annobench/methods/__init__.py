"""Methods, one file each: how a model learns from annotations.

A method is two steps: annotations to targets, targets to a model. A file `<kind>.py` defines

    NEEDS: Needs                                  what the method must be given
    class Settings(annobench.settings.Settings)   its keys in a study
    def targets(items, annotations, settings) -> pd.DataFrame
        items: the training items (`tables.ITEMS`); annotations: `tables.ANNOTATIONS`, or None
        returns `tables.TARGETS`

and, if it trains,

    def parameters(annotators: int, settings) -> dict[str, Tensor]
        what is learned beside the model, at its start; {} if nothing is. Annotators count in
        sorted order, as `Rows.annotator` does
    def learning_rate(epoch: float, settings) -> float
        the peak learning rate of these parameters; 0 while they are frozen
    def loss(log_p, rows, parameters, settings) -> Tensor
        log_p: [N, K] log-probabilities of each target row's item; rows: `training.rows.Rows`
        returns [N]: the loss of each target row, unweighted
    def weights(log_p, rows, parameters, settings) -> Tensor
        [N]: the weight of each target row as the method sees it after training
    def expertise(annotations, targets, parameters, settings) -> pd.Series | None
        what was learned of each annotator, indexed by annotator in sorted order

These files are imported to validate a study, so they import torch, pandas and numpy inside
functions only. A method that trains as another does imports that method's functions.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a method must be given; a cell's axes follow from it.

    Without annotations a cell does not depend on the noise; without annotations and training it
    does not depend on the seed either.
    """

    annotations: bool = False
    annotator_ids: bool = False
    gold: bool = False
    training: bool = True
