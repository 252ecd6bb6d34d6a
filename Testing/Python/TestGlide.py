# SPDX-License-Identifier: BSD-3-Clause
"""GLIDE: the conversion of checkpoints, of small networks with random weights, and the example that samples them."""
import json
import pathlib
import runpy
import struct
import sys

import Plugins

if not Plugins.with_torch():
    sys.exit()

import ImageCollection as ic
import numpy as np
from paraview.simple import *

sys.path.insert(0, str(Plugins.SOURCE / "Examples"))
import convert_glide

DATA = Plugins.SOURCE / "Testing/Data/Glide"


def checkpoint(kind):
    """Random tensors, by name, of a network like the golden one."""
    config = json.loads((DATA / kind / "config.json").read_text())
    random = np.random.default_rng(1)
    return {name: random.normal(size=shape, scale=0.05).astype(np.float16)
            for name, shape in convert_glide.network_shapes(config).items()}


def save(tensors, path):
    """Writes safetensors."""
    header, begin = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F16", "shape": tensor.shape, "data_offsets": [begin, begin + tensor.nbytes]}
        begin += tensor.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t.tobytes() for t in tensors.values()))


# The published networks: as many tensors and parameters as their checkpoints have.
PUBLISHED = {
    "base": ((1, 2, 3, 4), [2, 4, 8], 3, 64, 783, 385030726),
    "upsampler": ((1, 1, 2, 2, 4, 4), [8, 16, 32], 2, 256, 797, 398361286),
}
for kind, (factors, attention, blocks, size, count, parameters) in PUBLISHED.items():
    published = json.loads((DATA / kind / "config.json").read_text())
    published.update(channel_mult=list(factors), attention_downsample=attention, num_res_blocks=blocks,
                     sample_size=size, model_channels=192, n_vocab=50257, text_ctx=128, xf_layers=16, xf_width=512)
    shapes = convert_glide.network_shapes(published)
    assert len(shapes) == count
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == parameters
    assert convert_glide.network_configuration(kind, shapes) == published

# Conversion: the files are those of the golden data, but for the size of the images, which the sampler takes.
checkpoints = {kind: checkpoint(kind) for kind in ("base", "upsampler")}
merges = convert_glide.read_merges(DATA / "tokenizer/merges.txt")
folder = pathlib.Path("glide").resolve()
convert_glide.SAMPLE_SIZES = {"base": 16, "upsampler": 32}
convert_glide.convert(folder, checkpoints, merges, save)
for path in (*DATA.rglob("*.json"), DATA / "tokenizer/merges.txt"):
    if path.name not in ("golden.json", "trajectories.json"):
        assert (folder / path.relative_to(DATA)).read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), path


def expect_exit(words, function, *arguments):
    try:
        function(*arguments)
    except SystemExit as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no exit: {words}")


def changed(**tensors):
    return {name: tensor for name, tensor in {**checkpoints["base"], **tensors}.items() if tensor is not None}


expect_exit("is of the upsampler; give base.pt", convert_glide.describe_network, "base", checkpoints["upsampler"])
expect_exit("is of the base model for inpainting", convert_glide.describe_network, "base",
            changed(**{"input_blocks.0.0.weight": np.zeros((64, 7, 3, 3))}))
expect_exit("lacks 'time_embed.0.weight'", convert_glide.describe_network, "base",
            changed(**{"time_embed.0.weight": None}))
expect_exit("has out.2.bias (5,), but GLIDE's networks have it (6,)", convert_glide.describe_network, "base",
            changed(**{"out.2.bias": np.zeros(5)}))
expect_exit("has out.2.bias not at all", convert_glide.describe_network, "base", changed(**{"out.2.bias": None}))
expect_exit("knows 755 tokens, but the merge list makes 754", convert_glide.convert, pathlib.Path("other"),
            checkpoints, merges[:-1], save)
pathlib.Path("no-merges.txt").write_text("a b c\n")
expect_exit("is no merge list", convert_glide.read_merges, pathlib.Path("no-merges.txt"))

# The example, on the way that its users take.
pathlib.Path("prompts.txt").write_text("[pets]\na red cat\na dog\n[others]\nan oil painting of a corgi\n")
sys.argv = ["glide.py", str(folder), "--prompts", "prompts.txt", "--instances", "3", "--steps", "10", "--every", "2",
            "--enlarge", "0", "4"]
for name in ("tree.vtp", "tree.png", "film-strip.png", "enlarged.png"):
    pathlib.Path(name).unlink(missing_ok=True)
runpy.run_path(str(Plugins.SOURCE / "Examples/glide.py"))
tree = ic.output_of(OpenDataFile(str(pathlib.Path("tree.vtp").resolve())))
assert tree.GetNumberOfPoints() == 9 * 6, tree.GetNumberOfPoints()
assert ic.array_of(tree.GetFieldData(), "Groups") == ["pets", "others"]
assert ic.array_of(tree.GetFieldData(), "Prompts")[2] == "an oil painting of a corgi"
for name in ("tree.png", "film-strip.png", "enlarged.png"):
    assert pathlib.Path(name).stat().st_size > 0, name

# Sizes, and what the sampler says of a folder without an upsampler.
small = {"ModelFolder": str(folder), "Prompts": ["a red cat"], "InstancesPerPrompt": 1, "InferenceSteps": 2,
         "CaptureSteps": [2], "Device": "CPU"}
assert ic.output_of(DiffusionSampler(**small)).GetPartition(0, 0).GetDimensions() == (16, 16, 1)
enlarged = ic.output_of(DiffusionSampler(UpsampleCapturedImages=1, **small))
assert enlarged.GetPartition(0, 0).GetDimensions() == (32, 32, 1)
assert json.loads(ic.array_of(enlarged.GetFieldData(), "Provenance")[0])["upsample_captured_images"] is True
convert_glide.convert(pathlib.Path("base-alone").resolve(), {"base": checkpoints["base"]}, merges, save)
small["ModelFolder"] = str(pathlib.Path("base-alone").resolve())
assert ic.output_of(DiffusionSampler(**small)).GetNumberOfPartitionedDataSets() == 1
ic.expect_error(DiffusionSampler(UpsampleCapturedImages=1, **small), "has no upsampler; convert the model with one")
ic.expect_error(DiffusionSampler(**{**small, "Prompts": []}), "The model suggests no prompts")
