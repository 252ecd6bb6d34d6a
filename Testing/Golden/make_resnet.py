# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/ResNet: what transformers' ResNets compute.

Needs: pip install torch transformers
Run from the repository's root.

A case is a folder as transformers saves it (random weights) beside golden.safetensors: the input
pixels, the pooled features and, where there is a head, the logits.
"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel

DATA = pathlib.Path("Testing/Data/ResNet")

CASES = {
    "Basic": (ResNetForImageClassification, dict(
        num_channels=1, embedding_size=6, hidden_sizes=[6, 10], depths=[2, 1], layer_type="basic",
        num_labels=3)),
    # Every other choice the class offers, without a head.
    "Bottleneck": (ResNetModel, dict(
        num_channels=3, embedding_size=8, hidden_sizes=[16, 24], depths=[1, 2],
        layer_type="bottleneck", hidden_act="gelu", downsample_in_first_stage=True,
        downsample_in_bottleneck=True)),
    # The defaults of the layer's options, and strides in the middle convolution.
    "Plain": (ResNetModel, dict(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])),
}

for name, (network, options) in CASES.items():
    torch.manual_seed(5)
    model = network(ResNetConfig(**options)).eval()
    for key, tensor in model.state_dict().items():  # normalizations start as identities
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor += 0.1 * torch.randn_like(tensor)
    folder = DATA / name
    model.save_pretrained(folder)
    pixels = torch.randn(2, model.config.num_channels, 37, 45)
    golden = {"pixels": pixels}
    with torch.no_grad():
        backbone = getattr(model, "resnet", model)
        golden["features"] = backbone(pixels).pooler_output.flatten(1).contiguous()
        if hasattr(model, "classifier"):
            golden["logits"] = model(pixels).logits
    save_file(golden, folder / "golden.safetensors")
