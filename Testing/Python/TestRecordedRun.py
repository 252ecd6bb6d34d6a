# SPDX-License-Identifier: BSD-3-Clause
"""A run that is written and read back is the same; what is no run is refused with one sentence."""
import json
import pathlib
import shutil

import numpy as np
from paraview.simple import OpenDataFile, RecordedRunReader, SaveData
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet
from tdl.vtkTDLRecordedRun import vtkRecordedRunWriter

import ImageCollection as ic

DATA = pathlib.Path(__file__).parent.parent / "Data" / "Readers"


def name_of(collection, i):
    return collection.GetMetaData(i).Get(vtkCompositeDataSet.NAME())


def expect_same(expected, actual):
    """Expects two equal image collections."""
    count = expected.GetNumberOfPartitionedDataSets()
    assert actual.GetNumberOfPartitionedDataSets() == count
    expect_same_fields(expected.GetFieldData(), actual.GetFieldData())
    for i in range(count):
        assert actual.GetNumberOfPartitions(i) == 1
        a, b = expected.GetPartition(i, 0), actual.GetPartition(i, 0)
        assert a.GetDimensions() == b.GetDimensions()
        assert name_of(expected, i) == name_of(actual, i)
        assert b.GetPointData().GetScalars() is None
        expect_same_fields(a.GetPointData(), b.GetPointData())
        expect_same_fields(a.GetFieldData(), b.GetFieldData())


def expect_same_fields(expected, actual):
    names = {expected.GetArrayName(i) for i in range(expected.GetNumberOfArrays())}
    assert names == {actual.GetArrayName(i) for i in range(actual.GetNumberOfArrays())}
    for name in names:
        a, b = ic.array_of(expected, name), ic.array_of(actual, name)
        if name == "Provenance":
            assert json.loads(a[0]) == json.loads(b[0])
        else:
            kinds = [fields.GetAbstractArray(name).GetDataType() for fields in (expected, actual)]
            assert kinds[0] == kinds[1], (name, kinds)
            assert np.array_equal(a, b), name


for folder in ("run", "by hand"):
    shutil.rmtree(folder, ignore_errors=True)
for components in (1, 3):
    collection = ic.make_collection(components=components)
    SaveData("run/manifest.json", proxy=ic.as_source(collection))
    expect_same(collection, ic.output_of(RecordedRunReader(FileName="run/manifest.json")))
files = sorted(path.name for path in pathlib.Path("run").iterdir())
assert files == ["manifest.images-002", "manifest.json"], files

reader = OpenDataFile(str(pathlib.Path("run/manifest.json").resolve()))
assert reader.GetXMLName() == "RecordedRunReader", reader.GetXMLName()
expect_same(collection, ic.output_of(reader))

# Stopped half way it keeps the instances that are whole.
algorithm = RecordedRunReader(FileName="run/manifest.json", Threads=2).GetClientSideObject()
algorithm.AddObserver("ProgressEvent",
                      lambda *_: algorithm.SetAbortExecute(algorithm.GetProgress() > 0.5))
algorithm.Update()
output = algorithm.GetOutputDataObject(0)
whole = [output.GetNumberOfPartitions(i) for i in range(6)]
assert whole == [1, 1, 1, 0, 0, 0], whole

# A run by hand: what may be left out, JPEG, a name with a space, one image twice.
folder = pathlib.Path("by hand")
folder.mkdir()
for name in ("rgb.png", "rgb.jpg", "gray.png", "palette.png"):
    shutil.copy(DATA / name, folder / f"an {name}")
MANIFEST = {
    "format": "tree-of-diffusion-life-run",
    "version": 1,
    "prompts": [{"text": "a cat"}],
    "iterations": [{}, {"timestep": 1}],
    "instances": [{"instance": 5, "prompt": 0,
                   "images": {"Image": ["an rgb.png", "an palette.png"]}},
                  {"instance": 2, "prompt": 0,
                   "images": {"Image": ["an rgb.jpg", "an rgb.png"]}}],
}
file = folder / "run.json"


def write(**changes):
    file.write_text(json.dumps({**MANIFEST, **changes}))


write()
output = ic.output_of(RecordedRunReader(FileName=str(file)))
assert [name_of(output, i) for i in range(2)] == ["a cat 2", "a cat 5"]
assert ic.array_of(output.GetFieldData(), "Groups") == ["Ungrouped"]
image = output.GetPartition(1, 0)
assert image.GetDimensions() == (16, 8, 2)
assert ic.array_of(image.GetFieldData(), "Seed") == [-1]
assert np.isnan(ic.array_of(image.GetFieldData(), "Timestep")).tolist() == [True, False]
slices = ic.array_of(image.GetPointData(), "Image").reshape(2, 8, 16, 3)
assert slices[0, 7, 3].tolist() == [30, 0, 200] and np.array_equal(slices[0], slices[1])


# What the reader refuses.
def expect_refusal(words, images=None, **changes):
    if images:
        changes["instances"] = [{"instance": 0, "prompt": 0, "images": {"Image": images}}]
    write(**changes)
    message = ic.expect_error(RecordedRunReader(FileName=str(file)), words)
    assert "by hand" in message, message


ic.expect_error(RecordedRunReader(), "Choose a manifest")
ic.expect_error(RecordedRunReader(FileName="nowhere/run.json"), "nowhere/run.json cannot be read")
expect_refusal("an gray.png is 16 x 8 gray but the first of the run is 16 x 8 RGB",
               ["an rgb.png", "an gray.png"])
expect_refusal("gone.png is missing", ["an rgb.png", "gone.png"])
expect_refusal("1 images but the run has 2 iterations", ["an rgb.png"])
expect_refusal("inside the manifest's folder", ["an rgb.png", "../../rgb.png"])
expect_refusal("run.json is neither PNG nor JPEG", ["an rgb.png", "run.json"])
expect_refusal("lacks \"prompt\"", instances=[{"instance": 0}])
expect_refusal("update the reader", version=2)
for name in ("rgb.png", "rgb.jpg"):
    whole = (DATA / name).read_bytes()
    (folder / "cut").write_bytes(whole[:len(whole) * 2 // 3])
    expect_refusal("cut is damaged or incomplete", ["an rgb.png", "cut"])


# What the writer refuses; the run that is there stays as it is.
def expect_unwritten(collection, words, file_name="run/manifest.json"):
    writer = vtkRecordedRunWriter()
    writer.SetFileName(file_name)
    writer.SetInputData(collection)
    errors = ic.errors_of(writer, writer.Write)
    assert len(errors) == 1 and words in errors[0], errors
    assert writer.GetErrorCode() != 0


def without(name):
    collection = ic.make_collection()
    for fields in (collection.GetFieldData(), collection.GetPartition(1, 0).GetFieldData()):
        fields.RemoveArray(name)
    return collection


expect_unwritten(collection, "Choose the manifest", "")
expect_unwritten(collection, "cannot be made", "by hand/an rgb.png/run.json")
for name in ("Prompts", "Groups", "PromptGroup", "Provenance", "Instance", "PromptId", "Seed",
             "Timestep", "Sigma"):
    expect_unwritten(without(name), f"lack a proper array {name}")

odd = ic.make_collection()
odd.SetPartition(1, 0, ic.make_collection(width=9).GetPartition(1, 0))
expect_unwritten(odd, "one size")
odd.SetPartition(1, 0, ic.make_collection(iterations=4).GetPartition(1, 0))
expect_unwritten(odd, "same iterations")
odd.SetPartition(1, 0, odd.GetPartition(0, 0))
expect_unwritten(odd, "repeats instance 0")
odd.SetPartition(1, 0, ic.make_collection(arrays=("Image",)).GetPartition(1, 0))
expect_unwritten(odd, "other arrays")
expect_unwritten(type(odd)(), "no image to write")
expect_same(collection, ic.output_of(RecordedRunReader(FileName="run/manifest.json")))
assert sorted(path.name for path in pathlib.Path("run").iterdir()) == files
