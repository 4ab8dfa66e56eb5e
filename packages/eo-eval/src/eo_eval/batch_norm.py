"""Batch norm that follows the data it is shown, as it does in published linear probes."""

import copy

import torch
from torch import nn

from eo_eval.feed import Feed
from eo_models import Backbone


def adapt_batch_norm(model: Backbone, feed: Feed) -> Backbone:
    """A copy whose batch-norm statistics have seen one pass of these images; a model without batch norm as it is.

    The linear probes of SSL4EO-S12 and DeCUR switch gradients off but leave the network in training mode, so its
    running statistics drift to the new data (zhu-xlab/SSL4EO-S12:src/benchmark/transfer_classification).
    """
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return model
    adapted = copy.deepcopy(model).eval()
    for module in adapted.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    with torch.no_grad():
        for batch in feed:
            adapted(batch.images)
    adapted.train(model.training)
    adapted.adaptation = {**model.adaptation, "batch_norm": "running statistics follow the train images"}
    return adapted
