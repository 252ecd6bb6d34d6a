# SPDX-License-Identifier: BSD-3-Clause
"""Recorded Run Reader: folders of images and array files, parts of them, holes, and what it refuses."""
import pathlib
import re
import shutil

import numpy as np
from paraview import servermanager
from paraview.simple import FilmStrip, OpenDataFile, RecordedRunReader, SaveData
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet

import ImageCollection as ic

DATA = pathlib.Path(__file__).parent.parent / "Data"
# Instances 0 and 1, iterations 0 to 2, 4 x 5 pixels: see make_array_files.py.
PIXELS = np.load(DATA / "Arrays" / "images.npy")


def images_of(collection, i=0):
    """[iteration, y, x, c] of an instance, top row first."""
    image = collection.GetPartition(i, 0)
    width, height, count = image.GetDimensions()
    values = ic.array_of(image.GetPointData(), "Image")
    return values.reshape(count, height, width, -1)[:, ::-1]


def field(collection, i, name):
    return ic.array_of(collection.GetPartition(i, 0).GetFieldData(), name)


def contents_of(reader):
    reader.UpdatePipelineInformation()
    return reader.GetProperty("Contents").GetData()


# Array files, as they are and by OpenDataFile.
for name in ("images.npy", "stored.npz", "deflated.npz", "arrays.safetensors", "arrays.h5"):
    for reader in (RecordedRunReader(FileName=str(DATA / "Arrays" / name)),
                   OpenDataFile(str(DATA / "Arrays" / name))):
        assert reader.GetXMLName() == "RecordedRunReader", reader.GetXMLName()
        output = ic.output_of(reader)
        assert output.GetNumberOfPartitionedDataSets() == 2
        for i in range(2):
            assert np.array_equal(images_of(output, i), PIXELS[i]), name
            assert field(output, i, "Iteration").tolist() == [0, 1, 2]

# OpenDataFile tells arrays of gray images from those of features.
shutil.copy(DATA / "Arrays" / "arrays.h5", "arrays.hdf5")
np.save("bytes.npy", PIXELS[0, ..., 0])
np.savez("squares.npz", np.zeros((3, 6, 6), np.float32))
np.savez("features.npz", np.zeros((2, 3, 6), np.float32))
np.save("matrix.npy", np.zeros((6, 6), np.float32))
for name, expected in (("arrays.hdf5", "RecordedRunReader"), ("bytes.npy", "RecordedRunReader"),
                       ("squares.npz", "RecordedRunReader"), ("features.npz", "FeatureReader"),
                       ("matrix.npy", "FeatureReader")):
    found = OpenDataFile(str(pathlib.Path(name).resolve())).GetXMLName()
    assert found == expected, (name, found)

# Parts, as much as is wanted; what it will take is known before.
reader = RecordedRunReader(FileName=str(DATA / "Arrays" / "images.npy"))
assert contents_of(reader).startswith("2 instances, 6 elements of 5 x 4 RGB pixels, 0.0 MB"), \
    contents_of(reader)
assert "IKHWC" in contents_of(reader)
reader.Instances = [1]
reader.FirstIteration = 1
output = ic.output_of(reader)
assert output.GetNumberOfPartitionedDataSets() == 1
assert output.GetMetaData(0).Get(vtkCompositeDataSet.NAME()) == "Unknown prompt 1"
assert np.array_equal(images_of(output), PIXELS[1, 1:])
assert field(output, 0, "Iteration").tolist() == [1, 2]
reader.FirstIteration = 0
reader.Every = 2
assert np.array_equal(images_of(ic.output_of(reader)), PIXELS[1, ::2])
reader.StoredImageSize = 2
assert images_of(ic.output_of(reader)).shape == (2, 2, 2, 3)
reader.Instances = [5]
ic.expect_error(reader, "There is no instance 5")
assert "There is no instance 5" in contents_of(reader)
reader.Instances = []
reader.LastIteration = 3
ic.expect_error(reader, "choose some of 0 to 2")

# More than there is memory for: the file is all hole, its pages are never read.
huge = np.lib.format.open_memmap("huge.npy", "w+", np.uint8, (2000, 1000, 1000, 1000))
del huge
ic.expect_error(RecordedRunReader(FileName="huge.npy"), "needs 2000.00 GB of memory")
reader = RecordedRunReader(FileName="huge.npy", Instances=[3], Every=500)
assert images_of(ic.output_of(reader)).shape == (3, 1000, 1000, 1)
pathlib.Path("huge.npy").unlink()

# A manifest beside the array, floating point numbers, other dimensions than are usual.
np.save("floats.npy", (PIXELS / 127.5 - 1).astype(np.float16).transpose(1, 0, 4, 2, 3))
rows = ["instance,prompt,group,seed,timestep,sigma"]
for start in ("4,cat,animals,7", '2,"a \u00fcbercat, red",,8'):
    rows += [f"{start},{t},{t / 100}" for t in (999, 500, 1)]
pathlib.Path("floats.csv").write_text("\n".join(rows))
output = ic.output_of(RecordedRunReader(FileName="floats.npy"))
assert ic.array_of(output.GetFieldData(), "Prompts") == ["cat", "a \u00fcbercat, red"]
assert ic.array_of(output.GetFieldData(), "Groups") == ["animals", "Ungrouped"]
assert field(output, 0, "Instance") == [2] and field(output, 0, "Seed") == [8]
assert field(output, 0, "Timestep").tolist() == [999, 500, 1]
assert np.abs(images_of(output, 0).astype(int) - PIXELS[1]).max() <= 1
assert np.abs(images_of(output, 1).astype(int) - PIXELS[0]).max() <= 1

# File > Open makes one regular expression of the patterns of all readers, which a single one can spoil.
factory = servermanager.vtkSMProxyManager.GetProxyManager().GetReaderFactory()
factory.UpdateAvailableReaders()
types = factory.GetSupportedFileTypes(servermanager.ActiveConnection.Session).split(";;")
patterns = types[0][types[0].rindex("(") + 1:types[0].rindex(")")].split()
listed = re.compile("|".join(pattern.replace(".", r"\.").replace("*", ".*") for pattern in patterns))
for name in ("run.npy", "features.safetensors", "run.h5", "run.json", "table.csv"):
    assert listed.fullmatch(name), name
assert not listed.fullmatch("README.md")
assert listed.fullmatch("a folder"), "The dialog's OK takes no folder."

# A folder with a name of its own kind, a hole, and a film strip that keeps it white.
folder = pathlib.Path("a f\u00f6lder of images")
shutil.rmtree(folder, ignore_errors=True)
collection = ic.make_collection(components=3, iterations=4, arrays=("Image",))
SaveData("written/run.json", proxy=ic.as_source(collection))
for source in sorted(pathlib.Path("written").glob("run.images*/instance-*/*.png")):
    instance, step = int(source.parent.name[-3:]), int(source.stem[-3:])
    target = folder / ic.PROMPTS[instance // 2] / f"seed-{instance % 2}" / f"step_{10 * step:03}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    if (instance, step) != (3, 1):
        shutil.copy(source, target)
for reader in (RecordedRunReader(FileName=str(folder)), OpenDataFile(str(folder.resolve()))):
    assert reader.GetXMLName() == "RecordedRunReader", reader.GetXMLName()
    assert "1 of 24 elements are missing: instance" in contents_of(reader), contents_of(reader)
    output = ic.output_of(reader)
    prompts = ic.array_of(output.GetFieldData(), "Prompts")
    assert prompts == sorted(ic.PROMPTS), prompts
    for i in range(6):
        prompt = prompts[field(output, i, "PromptId")[0]]
        seed = field(output, i, "Seed")[0]
        expected = images_of(collection, 2 * ic.PROMPTS.index(prompt) + seed)
        kept = [0, 2, 3] if (prompt, seed) == ("Ankle boot", 1) else [0, 1, 2, 3]
        assert field(output, i, "Iteration").tolist() == kept, (prompt, seed)
        assert np.array_equal(images_of(output, i), expected[kept])
strip = ic.output_of(FilmStrip(Input=reader, Every=1))
width, height, _ = strip.GetDimensions()
pixels = ic.array_of(strip.GetPointData(), "Image").reshape(height, width, 3)
hole = [row for row in range(6) if field(output, row, "Iteration").tolist() == [0, 2, 3]][0]
columns = pixels.reshape(height, 4, width // 4, 3)
white = (columns == 255).all(axis=(2, 3))
assert white[:, 1].sum() == white[:, 0].sum() + 5, white.sum(axis=0)

# Names that a pattern tells.
flat = pathlib.Path("flat")
shutil.rmtree(flat, ignore_errors=True)
flat.mkdir()
for k, t in enumerate((900, 400, 0)):
    shutil.copy(DATA / "Readers" / "rgb.webp", flat / f"{t} of run 5, cat.webp")
reader = RecordedRunReader(FileName=str(flat), NamePattern="{timestep} of run {seed}, {prompt}")
output = ic.output_of(reader)
assert field(output, 0, "Timestep").tolist() == [900, 400, 0]
assert field(output, 0, "Seed") == [5]
reader.NamePattern = "{prompt}/{step}"
ic.expect_error(reader, "does not follow the name pattern")

# What it refuses.
empty = pathlib.Path("empty")
empty.mkdir(exist_ok=True)
ic.expect_error(RecordedRunReader(FileName=str(empty)), "holds no images")
shutil.copy(DATA / "Readers" / "gray.png", flat / "100 of run 5, cat.png")
reader.NamePattern = ""
ic.expect_error(reader, "16 x 8 gray")
whole = (DATA / "Arrays" / "images.npy").read_bytes()
pathlib.Path("cut.npy").write_bytes(whole[:-1])
ic.expect_error(RecordedRunReader(FileName="cut.npy"), "359 bytes of numbers")
np.savez("texts.npz", a=np.array(["x"]))
ic.expect_error(RecordedRunReader(FileName="texts.npz"), "holds no array of numbers")
