# SPDX-License-Identifier: BSD-3-Clause
"""Feature Reader: files that NumPy wrote, in any order of rows, and what it refuses."""
import json
import pathlib

import numpy as np
from paraview.simple import FeatureReader, OpenDataFile

import ImageCollection as ic

file = pathlib.Path("features.json")
MANIFEST = {
    "format": "tree-of-diffusion-life-features",
    "version": 1,
    "provenance": {"encoder": "made up"},
    "prompts": [{"text": "Coat", "group": "tops"}, {"text": "Boot", "group": "footwear"}],
    "iterations": [{"timestep": 999, "sigma": 14.5}, {"timestep": 500, "sigma": 2}, {}],
    "instances": [{"instance": 7, "prompt": 0, "seed": 2**40}, {"instance": 3, "prompt": 1}],
    "features": "features.npy",
}
FEATURES = np.random.RandomState(1).normal(size=(6, 4)).astype(np.float32)
# Instance 3 comes first in the table but last in the file.
ORDER = [3, 4, 5, 0, 1, 2]


def write(matrix, **changes):
    np.save("features.npy", matrix)
    file.write_text(json.dumps({**MANIFEST, **changes}))


def column(table, name):
    return ic.array_of(table.GetRowData(), name)


def expect_table(table, features):
    assert table.GetNumberOfRows() == 6
    assert np.array_equal(column(table, "Features"), features[ORDER])
    assert column(table, "Features").dtype == np.float32
    assert column(table, "Instance").tolist() == [3, 3, 3, 7, 7, 7]
    assert column(table, "Iteration").tolist() == [0, 1, 2, 0, 1, 2]
    assert column(table, "PromptId").tolist() == [1, 1, 1, 0, 0, 0]
    assert column(table, "GroupId").tolist() == [1, 1, 1, 0, 0, 0]
    assert column(table, "Seed").tolist() == [-1, -1, -1, 2**40, 2**40, 2**40]
    assert column(table, "Timestep").tolist()[:2] == [999, 500]
    assert column(table, "Sigma").tolist()[:2] == [14.5, 2]
    assert np.isnan(column(table, "Sigma")[[2, 5]]).all()
    fields = table.GetFieldData()
    assert ic.array_of(fields, "Prompts") == ["Coat", "Boot"]
    assert ic.array_of(fields, "Groups") == ["tops", "footwear"]
    assert ic.array_of(fields, "PromptGroup").tolist() == [0, 1]
    assert json.loads(ic.array_of(fields, "Provenance")[0]) == MANIFEST["provenance"]


for kind in ("<f2", "<f4", "<f8", ">f4"):
    for order in ("C", "F"):
        features = np.asarray(FEATURES, dtype=kind, order=order)
        write(features)
        expect_table(ic.output_of(FeatureReader(FileName=str(file))), features.astype(np.float32))

shuffled = [4, 2, 0, 5, 1, 3]
rows = [[7, 0], [7, 1], [7, 2], [3, 0], [3, 1], [3, 2]]
write(FEATURES[shuffled], rows=[rows[i] for i in shuffled])
reader = OpenDataFile(str(file.resolve()))
assert reader.GetXMLName() == "FeatureReader", reader.GetXMLName()
expect_table(ic.output_of(reader), FEATURES)

# A hole in the grid stays one.
write(FEATURES[:2], rows=[[3, 2], [7, 1]])
table = ic.output_of(FeatureReader(FileName=str(file)))
assert column(table, "Instance").tolist() == [3, 7]
assert column(table, "Iteration").tolist() == [2, 1]
assert np.array_equal(column(table, "Features"), FEATURES[:2])


# Other files, with their manifest beside them or all in one.
np.savez_compressed("more.npz", features=FEATURES.reshape(2, 3, 4), other=np.arange(3))
pathlib.Path("more.csv").write_text(
    "instance,prompt,group,seed,timestep,sigma\n"
    + "".join(f"{i},{p},{g},{s},{t},{n}\n" for i, p, g, s in ((7, "Coat", "tops", 2**40),
                                                             (3, "Boot", "footwear", ""))
              for t, n in ((999, 14.5), (500, 2), ("", ""))))


def expect_columns(table):
    assert np.array_equal(column(table, "Features"), FEATURES[ORDER])
    for name in ("Instance", "Iteration", "PromptId", "Seed"):
        assert np.array_equal(column(table, name), column(expected, name)), name
    assert np.array_equal(column(table, "Sigma"), column(expected, "Sigma"), equal_nan=True)


write(FEATURES)
expected = ic.output_of(FeatureReader(FileName=str(file)))
expect_columns(ic.output_of(FeatureReader(FileName="more.npz")))
np.save("matrix.npy", FEATURES.astype(float))
expect_columns(ic.output_of(FeatureReader(FileName="matrix.npy", ManifestFile="more.csv")))
lines = pathlib.Path("more.csv").read_text().splitlines()
pathlib.Path("table.csv").write_text("\n".join(
    [lines[0] + ",a,b,c,d"]
    + [f"{line},{','.join(map(repr, map(float, row)))}" for line, row in zip(lines[1:], FEATURES)]))
expect_columns(ic.output_of(FeatureReader(FileName="table.csv")))

# Parts of it.
reader = FeatureReader(FileName="more.npz", Instances=[7], FirstIteration=1)
assert np.array_equal(column(ic.output_of(reader), "Features"), FEATURES[1:3])
reader.Instances = []
reader.FirstIteration = 0
reader.Every = 2
assert column(ic.output_of(reader), "Iteration").tolist() == [0, 2, 0, 2]
reader.UpdatePipelineInformation()
assert reader.GetProperty("Contents").GetData().startswith("4 elements of 4 features, 0.0 MB"), \
    reader.GetProperty("Contents").GetData()

# What it refuses.
def expect_refusal(words, matrix=FEATURES, **changes):
    write(matrix, **changes)
    message = ic.expect_error(FeatureReader(FileName=str(file)), words)
    assert "feature" in message, message


ic.expect_error(FeatureReader(), "Choose a manifest")
expect_refusal("has 5 rows (5 x 4) but its manifest describes 6", FEATURES[:5])
expect_refusal("items of type '<c8'", FEATURES.astype(np.complex64))
expect_refusal("have 1 dimensions", FEATURES.ravel())
expect_refusal("is no array file", features="features.json")
expect_refusal("is missing", features="gone-features.npy")
pathlib.Path("rows.parquet").write_bytes(b"PAR1")
ic.expect_error(FeatureReader(FileName="rows.parquet"), "numpy.save")
ic.expect_error(FeatureReader(FileName="more.npz", Instances=[1]), "There is no instance 1")
expect_refusal("inside the manifest's folder", features="../features.npy")
expect_refusal("names instance 9", rows=[[9, 0]] * 6)
expect_refusal("choose a file whose format is", format="tree-of-diffusion-life-run")
