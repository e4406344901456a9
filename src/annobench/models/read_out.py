"""From a model's last states to vocabulary logits."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class ReadOut(nn.Linear):
    """A model's own output layer, which outside training computes in fp32 whatever the arithmetic
    around it.

    A bf16 logit near 20 is a multiple of 1/8, so two options would often tie. Of a frozen layer in
    bf16, which is not to change any more, a copy in fp32 is kept: a cast at every generated token
    takes longer than the token's logits.
    """

    def forward(self, states: Tensor) -> Tensor:
        """[..., H] -> [..., V]."""
        # The last places of several texts are strided, and for such torch copies the layer once for
        # each text.
        states = states.contiguous()
        if self.training:
            return super().forward(states)
        bias = None if self.bias is None else self.bias.float()
        with torch.autocast(states.device.type, enabled=False):
            return linear(states.float(), self._exact_weight(), bias)

    _kept: Tensor

    def _exact_weight(self) -> Tensor:
        if self.weight.dtype is not torch.bfloat16 or self.weight.requires_grad:
            return self.weight.float()
        if not hasattr(self, "_kept"):
            self._kept = self.weight.float()
        return self._kept


def read_out_in_fp32(model: "PreTrainedModel") -> None:
    """Turn the model's output layer into a `ReadOut`."""
    model.get_output_embeddings().__class__ = ReadOut  # type: ignore[no-untyped-call]
