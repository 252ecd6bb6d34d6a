# SPDX-License-Identifier: BSD-3-Clause
"""Feature Encoder on folders of each family of networks: its features are those of transformers."""
import json
import pathlib
import shutil
import struct

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkIntArray, vtkStringArray, vtkTypeInt64Array
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPartitionedDataSetCollection

import Plugins

if not Plugins.with_torch():
    print("This build has no Feature Encoder.")
    raise SystemExit

from paraview.simple import EvolutionaryEmbedding, FeatureEncoder, RecordedRunReader, SaveData

import ImageCollection as ic

DATA = Plugins.SOURCE / "Testing" / "Data"
TYPES = {"U8": np.uint8, "F32": np.float32, "I64": np.int64}


def read_safetensors(path):
    content = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    entries = json.loads(content[8:8 + length])
    entries.pop("__metadata__", None)
    return {name: np.frombuffer(content[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]],
                                TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in entries.items()}


def as_collection(images, prompts=None):
    """Two instances of one iteration each."""
    collection = vtkPartitionedDataSetCollection()
    for instance, pixels in enumerate(images):
        image = vtkImageData()
        image.SetDimensions(pixels.shape[1], pixels.shape[0], 1)
        array = numpy_to_vtk(np.ascontiguousarray(pixels[::-1]).reshape(-1, pixels.shape[2]), deep=True)
        array.SetName("Image")
        image.GetPointData().AddArray(array)
        for kind, name, value in ((vtkIntArray, "Instance", instance), (vtkIntArray, "PromptId", 1 - instance),
                                  (vtkIntArray, "GroupId", 0), (vtkTypeInt64Array, "Seed", instance),
                                  (vtkIntArray, "Iteration", 0), (vtkDoubleArray, "Timestep", 0.0),
                                  (vtkDoubleArray, "Sigma", 0.0)):
            ic.add_array(image.GetFieldData(), kind, name, [value])
        collection.SetPartition(instance, 0, image)
    if prompts:
        ic.add_array(collection.GetFieldData(), vtkStringArray, "Prompts", prompts)
    return collection


def mean_of_patches(state):
    return state.mean(axis=(2, 3)) if state.ndim == 4 else state[:, 1:].mean(axis=1)


def compare(encoder, expected):
    features = ic.array_of(ic.output_of(encoder).GetRowData(), "Features")
    assert features.shape == expected.shape, (features.shape, expected.shape)
    difference = abs(features - expected).max() / abs(expected).max()
    assert difference < 1e-4, difference


families = {"ClipVision": ("pooler_output", "clip"), "ClipProjection": ("image_embeds", "clip"),
            "Clip": ("image_embeds", "clip"), "ViT": ("pooler_output", "token"),
            "Dinov2": ("pooler_output", "token"), "ConvNext": ("pooler_output", None),
            "ResNet": ("pooler_output", None)}
for name, (pooled, token) in families.items():
    folder = DATA / "VisionModels" / name
    golden = read_safetensors(folder / "golden.safetensors")
    source = ic.as_source(as_collection(golden["images"]))
    encoder = FeatureEncoder(Input=source, EncoderFolder=str(folder), ThumbnailSize=0)
    assert encoder.FeatureOutput == "Pooled"
    compare(encoder, golden[pooled])
    encoder.FeatureOutput = "Mean of Patches"
    compare(encoder, mean_of_patches(golden["last_hidden_state"]))
    encoder.FeatureOutput = "Hidden Layer"
    encoder.Layer = 1
    compare(encoder, mean_of_patches(golden["hidden_states.1"]))
    told = json.loads(ic.array_of(encoder.GetClientSideObject().GetOutputDataObject(0).GetFieldData(),
                                  "Provenance")[0])["encoder"]
    assert told["output"] == "Hidden Layer" and told["layer"] == 1, told
    encoder.FeatureOutput = "Gram Matrix"
    state = golden["hidden_states.1"]
    patches = state.reshape(*state.shape[:2], -1).transpose(0, 2, 1) if state.ndim == 4 else state[:, 1:]
    gram = np.einsum("bpi,bpj->bij", patches, patches) / patches.shape[1]
    rows, columns = np.triu_indices(gram.shape[1])
    compare(encoder, gram[:, rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0)))
    encoder.FeatureOutput = "Class Token"
    if token:
        compare(encoder, golden["pooler_output"] if token == "clip" else golden["last_hidden_state"][:, 0])
    else:
        ic.expect_error(encoder, "has no class token")
    assert not ic.output_of(FeatureEncoder(Input=source, EncoderFolder=str(folder))).GetRowData().HasArray(
        "PromptSimilarity"), "there are no prompts"
for name in ("ViTClassifier", "Dinov2Classifier", "ConvNextClassifier", "ResNet"):
    folder = DATA / "VisionModels" / name
    golden = read_safetensors(folder / "golden.safetensors")
    compare(FeatureEncoder(Input=ic.as_source(as_collection(golden["images"])), EncoderFolder=str(folder),
                           FeatureOutput="Class Scores"), golden["logits"])

# A whole CLIP model compares images with their prompts.
folder = DATA / "VisionModels" / "Clip"
golden = read_safetensors(folder / "golden.safetensors")
prompts = json.loads((folder / "prompts.json").read_text())
source = ic.as_source(as_collection(golden["images"], prompts))
table = ic.output_of(FeatureEncoder(Input=source, EncoderFolder=str(folder)))
similarity = ic.array_of(table.GetRowData(), "PromptSimilarity")
assert np.allclose(similarity, [golden["similarities"][1, 0], golden["similarities"][0, 1]], atol=1e-4)
only_images = pathlib.Path("OnlyImages")
shutil.rmtree(only_images, ignore_errors=True)
shutil.copytree(folder, only_images, ignore=shutil.ignore_patterns("vocab.json"))
table = ic.output_of(FeatureEncoder(Input=source, EncoderFolder=str(only_images)))
assert not table.GetRowData().HasArray("PromptSimilarity")
ic.expect_error(FeatureEncoder(Input=ic.as_source(as_collection(golden["images"], ["cat"])),
                               EncoderFolder=str(folder)), "a prompt that is not among the 1 prompts")

# TorchScript.
folder = DATA / "TorchScriptEncoder" / "Encoder"
golden = read_safetensors(folder / "golden.safetensors")
scripted = FeatureEncoder(Input=ic.as_source(as_collection(golden["images"])), EncoderFolder=str(folder))
compare(scripted, golden["pooled"])
scripted.FeatureOutput = "Hidden Layer"
ic.expect_error(scripted, "has no layers to look into")
newer = pathlib.Path("Newer")
newer.mkdir(exist_ok=True)
shutil.copy(DATA / "TorchScriptEncoder" / "future.pt", newer / "model.pt")
shutil.copy(folder / "preprocessor_config.json", newer)
ic.expect_error(FeatureEncoder(Input=ic.as_source(as_collection(golden["images"])),
                               EncoderFolder=str(newer)), "version 999")

# Encoders share the images, which are read once. Their features may be normalized by components.
collection = ic.make_collection()
shutil.rmtree("shared", ignore_errors=True)
SaveData(str(pathlib.Path("shared/run.json").resolve()), ic.as_source(collection))
source = RecordedRunReader(FileName=str(pathlib.Path("shared/run.json").resolve()))
runs = []
source.GetClientSideObject().AddObserver("EndEvent", lambda *_: runs.append(1))
first = FeatureEncoder(Input=source, Encoder="Gradients")
second = FeatureEncoder(Input=source, Normalization="PCA", Components=5)
rows = ic.array_of(ic.output_of(first).GetRowData(), "Features").shape[0]
assert ic.array_of(first.GetClientSideObject().GetOutputDataObject(0).GetRowData(), "Features").shape == (rows, 2124)
shutil.rmtree("shared")
assert ic.array_of(ic.output_of(second).GetRowData(), "Features").shape == (rows, 5)
second.Encoder = "Pixels"
assert ic.array_of(ic.output_of(second).GetRowData(), "Features").shape == (rows, 5)
assert len(runs) == 1, runs
second.Encoder = "Model"
second.Components = rows
ic.expect_error(second, f"Components is {rows}")

# The embedding compares features by the angle between them.
second.Components = 5
embeddings = [ic.array_of(ic.output_of(EvolutionaryEmbedding(Input=second, Metric=metric, Perplexity=3.0))
                          .GetPointData(), "SemanticLoss") for metric in ("Euclidean", "Cosine")]
assert not np.array_equal(*embeddings)

# What it refuses.
source = ic.as_source(collection)
broken = pathlib.Path("Broken")
shutil.rmtree(broken, ignore_errors=True)
shutil.copytree(DATA / "VisionModels" / "ViT", broken)
encoder = FeatureEncoder(Input=source, EncoderFolder=str(broken), FeatureOutput="Hidden Layer", Layer=4)
ic.expect_error(encoder, "Layer is 4, but the network has layers 0 (its embedding) to 3")
config = json.loads((broken / "config.json").read_text())
for key, value in (("hidden_act", "mish"), ("num_attention_heads", 5)):
    (broken / "config.json").write_text(json.dumps({**config, key: value}))
    ic.expect_error(FeatureEncoder(Input=source, EncoderFolder=str(broken)), f"{key} = {json.dumps(value)}")
(broken / "config.json").write_text(json.dumps({**config, "model_type": "swin"}))
ic.expect_error(FeatureEncoder(Input=source, EncoderFolder=str(broken)), "model_type 'swin'")
(broken / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 4}))
ic.expect_error(FeatureEncoder(Input=source, EncoderFolder=str(broken)), "16 missing: encoder.layer.3.")
(broken / "config.json").write_text(json.dumps(config))
weights = broken / "model.safetensors"
weights.write_bytes(weights.read_bytes()[:-100])
ic.expect_error(FeatureEncoder(Input=source, EncoderFolder=str(broken)), "model.safetensors")
