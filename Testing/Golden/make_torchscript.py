# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/TorchScript: a denoiser that PyTorch exported, and what it computes there.

Needs: pip install torch safetensors
Run from the repository's root.

The folder is one that Examples/export_torchscript.py writes, of few and small images. Beside it
golden.safetensors: sample, timestep, class_labels, output. The archive is without the places in the code,
which are the paths of the machine.
"""
import pathlib
import sys
import zipfile

import torch
from safetensors.torch import save_file

sys.path.insert(0, "Examples")
import export_torchscript

DATA = pathlib.Path("Testing/Data/TorchScript")
SIZE = 8

denoiser = export_torchscript.ExactDenoiser(*export_torchscript.draw_shapes(SIZE, 5))
export_torchscript.export(DATA, denoiser, SIZE, 1, classes=["Disc", "Square", "Cross", "Ring"], null_label=4)
with zipfile.ZipFile(DATA / "denoiser.pt") as archive:
    records = {item.filename: archive.read(item) for item in archive.infolist()}
with zipfile.ZipFile(DATA / "denoiser.pt", "w") as archive:
    for name, content in records.items():
        if not name.endswith(".debug_pkl"):
            archive.writestr(zipfile.ZipInfo(name), content)

inputs = {"sample": torch.randn(5, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)),
          "timestep": torch.tensor([0.0, 10.0, 300.0, 700.0, 999.0]), "class_labels": torch.arange(5)}
save_file({**inputs, "output": denoiser(*inputs.values())}, DATA / "golden.safetensors")
