# SPDX-License-Identifier: BSD-3-Clause
"""Makes the files in Testing/Data/Readers with the software whose files the readers must read.

    pip install numpy pillow
    python make_reader_files.py ../Data/Readers
"""
import os
import sys

import numpy
from PIL import Image

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


# Images of 16 x 8 pixels; with x to the right and y down, gray(x, y) = 10 x + 5 y and
# rgb(x, y) = (10 x, 20 y, 200).
y, x = numpy.mgrid[:8, :16].astype(numpy.uint8)
gray = 10 * x + 5 * y
rgb = numpy.stack([10 * x, 20 * y, numpy.full_like(x, 200)], axis=-1)

Image.fromarray(gray).save(path("gray.png"))
Image.fromarray(rgb).save(path("rgb.png"))
# Opaque on the left, transparent on the right half.
alpha = numpy.where(x < 8, 255, 0).astype(numpy.uint8)
Image.fromarray(numpy.dstack([rgb, alpha])).save(path("rgba.png"))
Image.fromarray(rgb).quantize(256).save(path("palette.png"))
Image.fromarray((gray.astype(numpy.uint16) * 257)).save(path("gray16.png"))
Image.fromarray(((x + y) % 2 * 255).astype(numpy.uint8)).convert("1").save(path("bits.png"))
Image.fromarray(gray).save(path("gray.jpg"), quality=100)
Image.fromarray(rgb).save(path("rgb.jpg"), quality=100, subsampling=0)
Image.fromarray(rgb).save(path("rgb.webp"), lossless=True)
Image.fromarray(numpy.dstack([rgb, alpha])).save(path("rgba.webp"), lossless=True, exact=True)
Image.fromarray(rgb).save(path("moving.webp"), save_all=True, lossless=True,
                          append_images=[Image.fromarray(rgb[::-1].copy())])

# Features of six elements, features(r, c) = 10 r + c + 0.5 (row 5 holds what is hard to convert).
features = 10.0 * numpy.arange(6)[:, None] + numpy.arange(3) + 0.5
features[5] = [-0.0, 6e-8, numpy.inf]
for kind in ("f2", "f4", "f8"):
    for order, byteorder in (("little", "<"), ("big", ">")):
        numpy.save(path(f"{kind}-{order}.npy"), features.astype(byteorder + kind))
numpy.save(path("fortran.npy"), numpy.asfortranarray(features.astype("<f4")))
for version in ((2, 0), (3, 0)):
    with open(path(f"version{version[0]}.npy"), "wb") as stream:
        numpy.lib.format.write_array(stream, features.astype("<f4"), version=version)
numpy.save(path("integers.npy"), numpy.arange(18).reshape(6, 3))
numpy.save(path("cube.npy"), features.astype("<f4").reshape(2, 3, 3))
