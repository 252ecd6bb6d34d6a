# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/TorchScriptEncoder: networks as PyTorch stores them by torch.jit.save.

Needs: pip install torch "transformers" "pillow<13"
Run from the repository's root.

Encoder is a folder as the Feature Encoder takes it, with golden.safetensors (images, features). The other
files are not to be opened: one that holds weights only, one in a format of the future, one with an operator
of PyTorch 2.
"""
import pathlib
import shutil
import zipfile

import numpy
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

DATA = pathlib.Path("Testing/Data/TorchScriptEncoder")


class Encoder(torch.nn.Module):
    """Gives its map and, in the second place, the pooled one."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 6, 5, stride=2)
        self.norm = torch.nn.BatchNorm2d(6)
        self.second = torch.nn.Conv2d(6, 9, 3, stride=2)

    def forward(self, pixels):
        features = self.second(torch.relu(self.norm(self.first(pixels))))
        return features, features.mean((2, 3))


class Attention(torch.nn.Module):
    def forward(self, pixels):
        return torch.nn.functional.scaled_dot_product_attention(pixels, pixels, pixels)


shutil.rmtree(DATA, ignore_errors=True)
folder = DATA / "Encoder"
folder.mkdir(parents=True)
torch.manual_seed(3)
model = Encoder().eval()
processor = ViTImageProcessorPil(size={"height": 20, "width": 20})
processor.save_pretrained(folder)
images = numpy.random.default_rng(0).integers(0, 256, (2, 13, 17, 3), numpy.uint8)
pixels = processor([Image.fromarray(image) for image in images], return_tensors="pt").pixel_values
torch.jit.save(torch.jit.script(model), folder / "model.pt")
with torch.no_grad():
    features, pooled = model(pixels)
save_file({"images": torch.from_numpy(images), "pooled": pooled,
           "patches": features.mean((2, 3)).clone()}, folder / "golden.safetensors")

torch.save(model.state_dict(), DATA / "weights.pt")
torch.jit.save(torch.jit.script(Attention()), DATA / "attention.pt")
with zipfile.ZipFile(folder / "model.pt") as old, zipfile.ZipFile(DATA / "future.pt", "w") as new:
    for item in old.infolist():
        is_version = item.filename.endswith("/version")
        new.writestr(item.filename, b"999\n" if is_version else old.read(item))
