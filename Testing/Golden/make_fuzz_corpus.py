# SPDX-License-Identifier: BSD-3-Clause
"""Makes the sound files in Testing/Fuzz/Corpus, from which the fuzzers start.

    pip install numpy
    python make_fuzz_corpus.py ../Fuzz/Corpus
"""
import io
import json
import pathlib
import sys

import numpy

corpus = pathlib.Path(sys.argv[1])
data = pathlib.Path(__file__).parent.parent / "Data"


def put(fuzzer, name, content):
    folder = corpus / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def npz(save, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


for name in ("f2-big", "fortran", "version2", "version3", "cube"):
    put("FuzzNpy", name, (data / f"Readers/{name}.npy").read_bytes())
for kind in ("?", "i1", "u2", "i2", "u4", "i8", "u8", "f8"):
    stream = io.BytesIO()
    numpy.save(stream, numpy.arange(3).astype(kind))
    put("FuzzNpy", f"kind-{kind.strip('?') or 'bool'}", stream.getvalue())
put("FuzzNpz", "stored",
    npz(numpy.savez, a=numpy.arange(3, dtype=numpy.uint8), b=numpy.array(["x"])))
put("FuzzNpz", "deflated", npz(numpy.savez_compressed, a=numpy.zeros((2, 3), numpy.float32)))

header = (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
          b'"b":{"dtype":"BOOL","shape":[2],"data_offsets":[4,6]},"__metadata__":{"k":"v"}}')
put("FuzzSafetensors", "two", len(header).to_bytes(8, "little") + header + bytes(6))
header = b'{"h":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}}'
put("FuzzSafetensors", "brain", len(header).to_bytes(8, "little") + header + bytes(4))
put("FuzzSafetensors", "empty", (2).to_bytes(8, "little") + b"{}")

RUN = {"format": "tree-of-diffusion-life-run", "version": 1}
put("FuzzManifest", "run", json.dumps({
    **RUN, "provenance": {"m": [1.5, None]},
    "prompts": [{"text": "a", "group": "g"}, {"text": "b"}],
    "iterations": [{"timestep": 9, "sigma": 1}, {}],
    "instances": [
        {"instance": 4, "prompt": 1, "seed": 7, "images": {"Image": ["a.png", None]}},
        {"instance": 1, "prompt": 0, "images": {"Image": ["b/c.png", "d.png"]},
         "iterations": [{}, {"timestep": 3}]}]}))
put("FuzzManifest", "arrays", json.dumps({
    **RUN, "prompts": [{"text": "a"}], "iterations": [{}],
    "instances": [{"instance": 0, "prompt": 0}], "rows": [[0, 0]],
    "arrays": {"Image": "a.npy",
               "PredictedNoise": {"file": "b.npz", "array": "x", "dimensions": "EHWC"}}}))
put("FuzzManifest", "features", json.dumps({
    "format": "tree-of-diffusion-life-features", "version": 1, "prompts": [{"text": "a"}],
    "iterations": [{}, {}], "instances": [{"instance": 3, "prompt": 0}], "features": "f.npy",
    "rows": [[3, 1]]}))

put("FuzzTable", "run", "file,seed,prompt,group,instance,iteration,timestep,sigma,array\r\n"
    'b.png,7,"a ""x"", y",g,5,1,500,2.5,\r\na.png,7,"a ""x"", y",g,5,0,999,14,PredictedImage\r\n')
put("FuzzTable", "infinite", "timestep,sigma\n999,inf\n0,0\n")
put("FuzzTable", "features", "prompt,seed,x,y\na,1,2,3\na,2,-4e1,.5\nb,1,nan,inf\n")

put("FuzzNamePattern", "usual",
    "\na cat/seed-7/step_010.png\na cat/seed-7/step_000.png\nd/8/0.jpg\n")
put("FuzzNamePattern", "stated",
    "run {seed}/{group}, {prompt}, t{timestep}, {array}\nrun 5/g, p, t9, Image.png\n")
put("FuzzNamePattern", "flat",
    "{*}{instance}_{step}\na1_0.png\na1_5.png\na1_10.png\na2_20.png\n")

put("FuzzConfiguration", "unet", '{"block_out_channels":[32,64,64,128],"beta_start":0.0001,'
    '"act_fn":"silu","lambda_min_clipped":-Infinity,"x":{"beta_end":0.02}}')
put("FuzzConfiguration", "deep", '{"act_fn":' + 100 * "[" + 100 * "]" + "}")
put("FuzzPromptFile", "prompts", "# c\n[footwear]\nSneaker\nAnkle boot\n\n[tops]\nd\u00f6g\r\n")

vocabulary = {"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4, "<|startoftext|>": 5,
              "<|endoftext|>": 6}
put("FuzzTokenizers", "clip", "\0".join([
    json.dumps(vocabulary), "#version: 0.2\na b</w>\n",
    json.dumps({"model_max_length": 8, "pad_token": "b"}),
    json.dumps({"bos_token": {"content": "<|startoftext|>"}}), "", "AB a'b \u00e9<|endoftext|>"]))
put("FuzzTokenizers", "listed", "\0".join([
    json.dumps(vocabulary), "#version: 0.2\na b</w>\n",
    json.dumps({"model_max_length": 8, "added_tokens_decoder": {
        "6": {"content": "<|endoftext|>", "normalized": True},
        "7": {"content": "New One", "normalized": False, "single_word": False}},
        "additional_special_tokens": ["<x>"]}),
    "", "", "a New One b<x>new one"]))
put("FuzzTokenizers", "empty", "\0".join([
    json.dumps(vocabulary), "#version: 0.2\na b</w>\n", "", "", json.dumps({"": 7}), "a b"]))
put("FuzzTokenizers", "added", "\0".join([
    json.dumps(vocabulary), "#version: 0.2\na b</w>\n", json.dumps({"tokenizer_class": "CLIPTokenizer"}),
    json.dumps({"eos_token": "<|endoftext|>"}), json.dumps({"<|endoftext|>": 6, "B C": 7}), "a B C b"]))

# A symbol per byte, as GPT-2 has them: itself where it is printed, else one behind Latin-1.
printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [byte for byte in range(256) if byte not in printed]
symbols = [chr(byte) for byte in printed] + [chr(256 + i) for i in range(len(others))]
put("FuzzTokenizers", "glide", "\0".join([
    json.dumps({symbol: i for i, symbol in enumerate([*symbols, "ab", "<|endoftext|>"])},
               ensure_ascii=False, separators=(",", ":")),
    "#version: 0.2\na b\n", "", "", "", "AB a'll  12 \u00e9   "]))

for name in ("rgb.png", "palette.png", "gray16.png", "gray.jpg", "rgb.webp"):
    put("FuzzImage", name, (data / "Readers" / name).read_bytes())
