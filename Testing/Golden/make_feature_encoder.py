# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/FeatureEncoder: what Pillow, transformers, scikit-learn and scikit-image compute.

Needs: pip install torch torchvision transformers "pillow<13" scikit-learn scikit-image
(Pillow 13 resizes some images vertically first, which rounds differently; models were trained before.)
Run from the repository's root; give the names of cases to make only those.
"""
import gzip
import pathlib
import sys

import numpy
import torch
from PIL import Image
from safetensors.numpy import save_file
from skimage.feature import hog
from sklearn.decomposition import PCA
from transformers import (BitImageProcessor, CLIPImageProcessor, ConvNextImageProcessor,
                          ResNetForImageClassification, ViTImageProcessor)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

DATA = pathlib.Path("Testing/Data/FeatureEncoder")
SHIPPED = pathlib.Path("Filters/Networks/Models/FashionEncoder")
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])

# Name: processor, its settings, height and width of the image. Odd sizes on purpose.
PROCESSORS = {
    "CLIP": (CLIPImageProcessorPil,
             dict(size={"shortest_edge": 23}, crop_size={"height": 23, "width": 23}), (53, 37)),
    "ViT": (ViTImageProcessorPil, dict(size={"height": 19, "width": 31}), (53, 37)),
    "ViTEnlarged": (ViTImageProcessorPil,
                    dict(size={"height": 41, "width": 35}, resample=1, do_rescale=False), (13, 16)),
    "Bit": (BitImageProcessorPil,
            dict(size={"shortest_edge": 26}, crop_size={"height": 21, "width": 24}, **IMAGENET),
            (37, 52)),
    # A crop larger than the image in one direction, smaller in the other.
    "Border": (BitImageProcessorPil,
               dict(do_resize=False, crop_size={"height": 20, "width": 18}, do_normalize=False),
               (15, 21)),
    "ConvNext": (ConvNextImageProcessorPil,
                 dict(size={"shortest_edge": 20}, crop_pct=0.875, **IMAGENET), (29, 44)),
    "ConvNextStretched": (ConvNextImageProcessorPil,
                          dict(size={"shortest_edge": 384}, **IMAGENET), (45, 31)),
}

TORCHVISION = {BitImageProcessorPil: BitImageProcessor, CLIPImageProcessorPil: CLIPImageProcessor,
               ConvNextImageProcessorPil: ConvNextImageProcessor, ViTImageProcessorPil: ViTImageProcessor}


def photograph(height, width, channels):
    """Smooth shapes, edges and grain, uint8 (height, width, channels)."""
    y, x, c = numpy.mgrid[:height, :width, :channels]
    random = numpy.random.default_rng(height * width)
    values = 120 + 90 * numpy.sin(0.31 * x + 0.2 * c) * numpy.cos(0.23 * y - c)
    values += numpy.where((x - 0.6 * width) ** 2 + (y - 0.4 * height) ** 2 < 60, 110, 0)
    values += random.normal(0, 12, values.shape)
    return values.clip(0, 255).astype(numpy.uint8)


def resize():
    """One image at sizes below and above its own, by Pillow's filters from nearest to Hamming."""
    image = photograph(17, 23, 3)
    golden = {"image": image}
    for resample in range(6):
        for width, height in ((9, 7), (40, 31), (23, 8), (50, 17)):
            golden[f"{resample} {width}x{height}"] = numpy.asarray(
                Image.fromarray(image).resize((width, height), resample))
    golden["gray"] = numpy.asarray(Image.fromarray(image).convert("L"))
    save_file(golden, DATA / "resize.safetensors")


def preprocessor():
    """Pixel values by transformers' image processors, both on Pillow and on torchvision; of large results
    every 7th row and column."""
    for name, (processor, settings, size) in PROCESSORS.items():
        folder = DATA / name
        folder.mkdir(exist_ok=True)
        image = photograph(*size, 3)
        instance = processor(**settings)
        instance.save_pretrained(folder)
        values = instance(Image.fromarray(image), return_tensors="np").pixel_values
        faster = TORCHVISION[processor](**settings)(Image.fromarray(image), return_tensors="np").pixel_values
        stride = 7 if values.size > 10000 else 1
        save_file({"image": image,
                   "pixel_values": numpy.ascontiguousarray(values[..., ::stride, ::stride]),
                   "torchvision": numpy.ascontiguousarray(faster[..., ::stride, ::stride])},
                  folder / "golden.safetensors")


def shipped():
    """Features of the default encoder for test images, clean and noisy, from 8-bit images on."""
    with gzip.open(FASHION) as file:
        images = numpy.frombuffer(file.read(16 + 6 * 784)[16:], numpy.uint8).reshape(6, 28, 28)
    noise = numpy.random.default_rng(2).normal(0, 120, images.shape)
    images = numpy.concatenate([images, (images * 0.5 + 64 + noise).clip(0, 255).astype(numpy.uint8)])
    processor = ViTImageProcessorPil.from_pretrained(SHIPPED)
    model = ResNetForImageClassification.from_pretrained(SHIPPED, dtype=torch.float32).eval()
    pixels = processor([Image.fromarray(image) for image in images], return_tensors="pt").pixel_values
    with torch.no_grad():
        features = model.resnet(pixels).pooler_output.flatten(1)
        scores = model(pixels).logits
    save_file({"images": images, "features": features.numpy().copy(), "scores": scores.numpy()},
              DATA / "shipped.safetensors")


def gradients():
    """Histograms of oriented gradients at three sizes."""
    golden = {"color": photograph(45, 31, 3), "gray": photograph(28, 28, 1)[..., 0]}
    for name in list(golden):
        gray = Image.fromarray(golden[name]).convert("L")
        golden[f"{name} features"] = numpy.concatenate(
            [hog(numpy.asarray(gray.resize((size, size), Image.Resampling.BILINEAR)).astype(float),
                 block_norm="L2-Hys", cells_per_block=(2, 2)) for size in (64, 32, 16)]).astype(numpy.float32)
    save_file(golden, DATA / "gradients.safetensors")


def pca():
    random = numpy.random.default_rng(3)
    data = random.normal(0, 1, (300, 6)) @ random.normal(0, 1, (6, 70))
    data = (data + random.normal(0, 0.1, data.shape)).astype(numpy.float32)
    coordinates = PCA(5, svd_solver="full").fit_transform(data.astype(float))
    save_file({"data": data, "coordinates":
               numpy.ascontiguousarray(coordinates, numpy.float32)}, DATA / "pca.safetensors")


DATA.mkdir(parents=True, exist_ok=True)
CASES = {function.__name__: function for function in (resize, preprocessor, shipped, gradients, pca)}
for case in sys.argv[1:] or CASES:
    CASES[case]()
