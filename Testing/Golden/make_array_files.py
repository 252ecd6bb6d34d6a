# SPDX-License-Identifier: BSD-3-Clause
"""Makes the files in Testing/Data/Arrays with the software whose files the readers must read.

    pip install numpy safetensors h5py
    python make_array_files.py ../Data/Arrays

The same 2 instances x 3 iterations of images of 4 x 5 pixels, RGB, in each format: pixel(i, k, y, x, c) =
100 i + 30 k + 5 y + x + 10 c, as uint8 and as float32 from -1 to 1.
"""
import os
import sys

import h5py
import numpy
from safetensors.numpy import save_file

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


i, k, y, x, c = numpy.ogrid[:2, :3, :4, :5, :3]
pixels = (100 * i + 30 * k + 5 * y + x + 10 * c).astype(numpy.uint8)
floats = (pixels / 127.5 - 1).astype(numpy.float32)
texts = numpy.array(["a", "b"])

numpy.save(path("images.npy"), pixels)
numpy.savez(path("stored.npz"), images=pixels, floats=floats, prompts=texts)
numpy.savez_compressed(path("deflated.npz"), images=pixels, floats=floats, seeds=numpy.array(7))
save_file({"images": pixels, "floats": floats, "halves": floats.astype(numpy.float16),
           "bools": pixels > 60}, path("arrays.safetensors"))
with h5py.File(path("arrays.h5"), "w") as file:
    file["images"] = pixels
    file.create_dataset("run/floats", data=floats, chunks=(1, 1, 4, 5, 3), compression="gzip")
    file["run/halves"] = floats.astype(">f2")
    file["run/doubles"] = floats.astype(float)
    file["bools"] = pixels > 60
    file["prompts"] = ["a", "b"]
    file["scalar"] = 5
# Data in another file than the one that is opened.
with h5py.File(path("elsewhere.h5"), "w") as file:
    layout = h5py.VirtualLayout(shape=pixels.shape, dtype=pixels.dtype)
    layout[:] = h5py.VirtualSource("arrays.h5", "images", shape=pixels.shape)
    file.create_virtual_dataset("images", layout)
    file["link"] = h5py.ExternalLink("arrays.h5", "/images")
