# SPDX-License-Identifier: BSD-3-Clause
"""
Grows the tree of GLIDE, with the authors' settings, from a folder that convert_glide.py made:

    pvpython glide.py glide --encoder clip-vit-base-patch32

Writes film-strip.png, tree.vtp and tree.png. On a GPU an instance takes seconds, on a CPU many minutes;
--encoder is a folder of an image encoder; without one, principal components of the pixels stand for it.
"""
import argparse
import pathlib

from paraview.simple import *

HERE = pathlib.Path(__file__).resolve().parent

parser = argparse.ArgumentParser(description="Grows the tree of GLIDE.")
parser.add_argument("model", help="folder that convert_glide.py made")
parser.add_argument("--prompts", type=pathlib.Path, default=HERE / "Prompts/objects.txt",
                    help="file of prompts (default: objects.txt)")
parser.add_argument("--instances", type=int, default=8, help="per prompt (default: %(default)s)")
parser.add_argument("--steps", type=int, default=100, help="of the sampler (default: %(default)s)")
parser.add_argument("--every", type=int, default=4, help="capture every so many steps (default: %(default)s)")
parser.add_argument("--encoder", help="folder of an image encoder")
parser.add_argument("--enlarge", metavar="INSTANCE", type=int, nargs="+", default=[],
                    help="write the final images of these instances, enlarged by the upsampler")
arguments = parser.parse_args()

settings = {"ModelFolder": arguments.model, "PromptFile": str(arguments.prompts.resolve()),
            "InstancesPerPrompt": arguments.instances, "InferenceSteps": arguments.steps,
            "Scheduler": "Model's Own", "GuidanceScale": 3}
images = DiffusionSampler(CaptureEvery=arguments.every, **settings)
encoder = {"EncoderFolder": arguments.encoder} if arguments.encoder else {"Encoder": "PCA"}
# What the model sees in the noise parts prompts long before the noisy images do.
features = FeatureEncoder(Input=images, ImageArray="PredictedImage", **encoder)
tree = EvolutionaryEmbedding(Input=features, Layout="Radial")
SaveData("tree.vtp", tree, DataMode="Binary")
Show(tree).SetRepresentationType("TDL Radial Axes")
Render()
SaveScreenshot("tree.png", ImageResolution=[1000, 1000])
SaveData("film-strip.png", FilmStrip(Input=images, ImageArray="PredictedImage", Every=2))

if arguments.enlarge:
    final = DiffusionSampler(UpsampleCapturedImages=1, CaptureSteps=[arguments.steps], CapturePredictedImage=0,
                             **settings)
    SaveData("enlarged.png", FilmStrip(Input=final, Instances=arguments.enlarge))
