# SPDX-License-Identifier: BSD-3-Clause
"""Feature Encoder: rows, columns and field data of its table, what it aborts to and refuses."""
import json

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import VTK_DOUBLE, VTK_FLOAT, VTK_INT, VTK_TYPE_INT64, vtkFloatArray
from vtkmodules.vtkCommonDataModel import vtkMultiBlockDataSet, vtkPartitionedDataSetCollection

import Plugins

if not Plugins.with_torch():
    print("This build has no Feature Encoder.")
    raise SystemExit

from tdl.vtkTDLFeatureEncoder import vtkFeatureEncoder  # before proxies make objects of the class
from paraview.simple import FeatureEncoder

import ImageCollection as ic

WIDTH, HEIGHT, ITERATIONS = 8, 5, 6


def column(table, name):
    return ic.array_of(table.GetRowData(), name)


def images_of(collection, array="Image"):
    """[elements, height, width, components] in the order of the table, top row first."""
    images = {}
    for i in range(collection.GetNumberOfPartitionedDataSets()):
        image = collection.GetPartition(i, 0)
        width, height, iterations = image.GetDimensions()
        values = ic.array_of(image.GetPointData(), array)
        instance = ic.array_of(image.GetFieldData(), "Instance")[0]
        images[instance] = values.reshape(iterations, height, width, -1)[:, ::-1]
    return np.concatenate([images[instance] for instance in sorted(images)])


collection = ic.make_collection(width=WIDTH, height=HEIGHT, iterations=ITERATIONS)
instances = collection.GetNumberOfPartitionedDataSets()
source = ic.as_source(collection)

# Rows and columns.
encoder = FeatureEncoder(Input=source)
assert encoder.Encoder == "Model" and encoder.ImageArray == "Image" and encoder.ThumbnailSize == 32
encoder.Encoder = "Pixels"
table = ic.output_of(encoder)
expected = {"Instance": (VTK_INT, np.repeat(np.arange(instances), ITERATIONS)),
            "Iteration": (VTK_INT, np.tile(np.arange(ITERATIONS), instances)),
            "PromptId": (VTK_INT, np.repeat([0, 0, 1, 1, 2, 2], ITERATIONS)),
            "GroupId": (VTK_INT, np.repeat([0, 0, 0, 0, 1, 1], ITERATIONS)),
            "Seed": (VTK_TYPE_INT64, np.repeat(2**40 + np.array([0, 1, 0, 1, 0, 1]), ITERATIONS)),
            "Timestep": (VTK_DOUBLE, np.tile(np.linspace(999.0, -1.0, ITERATIONS), instances)),
            "Sigma": (VTK_DOUBLE, np.tile(np.linspace(14.6, 0.0, ITERATIONS), instances)),
            "ThumbnailId": (VTK_INT, np.arange(instances * ITERATIONS))}
for name, (kind, values) in expected.items():
    array = table.GetRowData().GetArray(name)
    assert array.GetDataType() == kind, (name, array.GetDataTypeAsString())
    assert np.array_equal(column(table, name), values), name
assert table.GetNumberOfColumns() == len(expected) + 1
features = column(table, "Features")
assert table.GetRowData().GetArray("Features").GetDataType() == VTK_FLOAT
assert np.allclose(features, images_of(collection).reshape(len(features), -1) / 255.0, atol=1e-6)

# Field data: the collection's, its provenance extended; the collection itself stays as it is.
fields = table.GetFieldData()
assert ic.array_of(fields, "Prompts") == ic.PROMPTS and ic.array_of(fields, "Groups") == ic.GROUPS
assert list(ic.array_of(fields, "PromptGroup")) == ic.PROMPT_GROUP
provenance = json.loads(ic.array_of(fields, "Provenance")[0])
told = provenance.pop("encoder")
assert provenance == ic.PROVENANCE and told["encoder"] == "Pixels", told
assert told["image_array"] == "Image", told
assert json.loads(ic.array_of(collection.GetFieldData(), "Provenance")[0]) == ic.PROVENANCE

# Thumbnails: as the images where these are small, rows from the bottom.
assert list(ic.array_of(fields, "ThumbnailSize")) == [WIDTH, HEIGHT, 3]
thumbnails = ic.array_of(fields, "Thumbnails").reshape(-1, HEIGHT, WIDTH, 3)[:, ::-1]
assert np.array_equal(thumbnails, images_of(collection))
encoder.ThumbnailSize = 4
fields = ic.output_of(encoder).GetFieldData()
assert list(ic.array_of(fields, "ThumbnailSize")) == [4, 3, 3]
assert ic.array_of(fields, "Thumbnails").shape == (len(features), 4 * 3 * 3)
encoder.ThumbnailSize = 0
table = ic.output_of(encoder)
assert not table.GetFieldData().GetAbstractArray("Thumbnails")
assert not table.GetRowData().GetAbstractArray("ThumbnailId")

# Another array.
encoder.ImageArray = "PredictedImage"
features = column(ic.output_of(encoder), "Features")
predicted = images_of(collection, "PredictedImage").reshape(len(features), -1)
assert np.allclose(features, predicted / 255.0, atol=1e-6)

# Normalization and principal components.
encoder.Normalization = "L2"
features = column(ic.output_of(encoder), "Features")
assert np.allclose(np.linalg.norm(features, axis=1), 1.0, atol=1e-5)
encoder.Normalization = "Standardized"
encoder.Encoder = "PCA"
encoder.Components = 4
features = column(ic.output_of(encoder), "Features")
assert features.shape == (instances * ITERATIONS, 4)
assert np.allclose(features.mean(axis=0), 0.0, atol=1e-5)
assert np.allclose(features.std(axis=0), 1.0, atol=1e-5)

# The activations of the network that made the images, in the order of the table.
random = np.random.RandomState(1)
activations = random.normal(size=(instances, ITERATIONS, 7)).astype(np.float32)
looked_into = ic.make_collection(width=WIDTH, height=HEIGHT, iterations=ITERATIONS)
for i in range(instances):
    array = numpy_to_vtk(activations[i], deep=True)
    array.SetName("Activations")
    looked_into.GetPartition(i, 0).GetFieldData().AddArray(array)
table = ic.output_of(FeatureEncoder(Input=ic.as_source(looked_into), Encoder="Activations"))
assert np.array_equal(column(table, "Features"), activations.reshape(-1, 7))
assert np.array_equal(column(table, "Instance"), expected["Instance"][1])
assert table.GetFieldData().GetArray("Thumbnails").GetNumberOfTuples() == instances * ITERATIONS
told = json.loads(ic.array_of(table.GetFieldData(), "Provenance")[0])["encoder"]
assert told["encoder"] == "Activations" and "image_array" not in told, told

# The default model, also on partitions out of order and on a multi-block data set.
model = FeatureEncoder(Input=source)
features = column(ic.output_of(model), "Features")
assert features.shape == (instances * ITERATIONS, 128) and features.std(axis=0).max() > 0.1
told = json.loads(ic.array_of(model.GetClientSideObject().GetOutputDataObject(0).GetFieldData(),
                              "Provenance")[0])["encoder"]
assert len(told["checksum"]) == 64 and told["output"] == "Pooled", told

backwards = vtkPartitionedDataSetCollection()
blocks = vtkMultiBlockDataSet()
for i in range(instances):
    backwards.SetPartition(i, 0, collection.GetPartition(instances - 1 - i, 0))
    blocks.SetBlock(i, collection.GetPartition(i, 0))
for other in (backwards, blocks):
    table = ic.output_of(FeatureEncoder(Input=ic.as_source(other)))
    assert np.array_equal(column(table, "Instance"), expected["Instance"][1])
    assert np.array_equal(column(table, "Features"), features)

# One image.
single = ic.make_collection(instances_per_prompt=1, iterations=1)
one = vtkPartitionedDataSetCollection()
one.SetPartition(0, 0, single.GetPartition(1, 0))
table = ic.output_of(FeatureEncoder(Input=ic.as_source(one)))
assert table.GetNumberOfRows() == 1 and column(table, "PromptId")[0] == 1

# Aborted half way: the batches that are finished are kept, and the next run is a whole one.
plain = vtkFeatureEncoder()
plain.SetInputDataObject(collection)
plain.SetEncoder(vtkFeatureEncoder.PIXELS)
plain.SetBatchSize(8)
observer = plain.AddObserver(
    "ProgressEvent", lambda *_: plain.SetAbortExecute(0.4 < plain.GetProgress() < 0.6))
plain.Update()
table = plain.GetOutput()
assert table.GetNumberOfRows() == 16, table.GetNumberOfRows()
assert np.array_equal(column(table, "Instance"), expected["Instance"][1][:16])
assert table.GetFieldData().GetArray("Thumbnails").GetNumberOfTuples() == 16
plain.RemoveObserver(observer)
plain.Modified()
plain.Update()
assert plain.GetOutput().GetNumberOfRows() == instances * ITERATIONS

# What it refuses.
ic.expect_error(FeatureEncoder(Input=ic.as_source(vtkPartitionedDataSetCollection())),
                "There are no images")
ic.expect_error(FeatureEncoder(Input=source, ImageArray="Picture"),
                "has no uint8 point array 'Picture'")
ic.expect_error(FeatureEncoder(Input=source, EncoderFolder="nowhere"), "nowhere")
ic.expect_error(FeatureEncoder(Input=source, Encoder="PCA", Components=36), "Components is 36")
ic.expect_error(FeatureEncoder(Input=ic.as_source(one), Encoder="PCA", Components=1),
                "Components is 1")
ic.expect_error(FeatureEncoder(Input=ic.as_source(ic.make_collection(components=2))),
                "2 components")
ic.expect_error(FeatureEncoder(Input=ic.as_source(ic.make_collection()), Encoder="Activations"),
                "Instance 0 has no activations of each iteration; switch on Capture Activations")
other = ic.make_collection()
for i in range(instances):
    ic.add_array(other.GetPartition(i, 0).GetFieldData(), vtkFloatArray, "Activations", [0.0] * ITERATIONS)
other.GetPartition(3, 0).GetFieldData().AddArray(
    looked_into.GetPartition(3, 0).GetFieldData().GetArray("Activations"))
ic.expect_error(FeatureEncoder(Input=ic.as_source(other), Encoder="Activations"),
                "The activations of instance 3 have other channels")
bare = ic.make_collection()
bare.GetPartition(0, 0).GetFieldData().RemoveArray("Timestep")
ic.expect_error(FeatureEncoder(Input=ic.as_source(bare)), "lack the field data Timestep")
