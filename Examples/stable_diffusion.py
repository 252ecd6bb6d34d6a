# SPDX-License-Identifier: BSD-3-Clause
"""
The tree of a text-to-image model: samples prompts from a Stable Diffusion folder (1.x, 2.x or XL, as the
Hugging Face hub has them), encodes the images that the model predicts on the way, embeds them, and writes

  tree.vtp        the embedding, one point per predicted image
  tree.png        the tree: noise in the center, final images at the rim, a color per prompt
  film-strip.png  an instance of each prompt on its way from noise to image

Prompts/ has sets of prompts: objects.txt, faces.txt, styles.txt. Run by pvpython with the plugins loaded:

  pvpython stable_diffusion.py FOLDER --prompts Prompts/styles.txt [--help]
"""
import argparse
import pathlib
import sys

from paraview.simple import *

HERE = pathlib.Path(__file__).resolve().parent

parser = argparse.ArgumentParser(description="Grows the tree of a text-to-image model.")
parser.add_argument("model", type=pathlib.Path, help="folder of the model")
parser.add_argument("--prompts", type=pathlib.Path, default=HERE / "Prompts/objects.txt",
                    help="file of prompts (default: objects.txt)")
parser.add_argument("--encoder", type=pathlib.Path,
                    help="folder of an image encoder (default: principal components of the pixels)")
parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("stable-diffusion"),
                    help="folder for the results (default: %(default)s)")
parser.add_argument("--instances", type=int, default=4, help="per prompt (default: %(default)s)")
parser.add_argument("--steps", type=int, default=25, help="of the sampler (default: %(default)s)")
parser.add_argument("--guidance", type=float, default=7.5, help="scale (default: %(default)s)")
parser.add_argument("--size", type=int, default=64, help="of the images kept, in pixels (default: %(default)s)")
parser.add_argument("--decoding", default="Autoencoder",
                    choices=["Autoencoder", "Linear Approximation", "Tiled Autoencoder"],
                    help="of latents to images (default: %(default)s)")
parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default: %(default)s)")
arguments = parser.parse_args()


def run(proxy):
    """Brings a stage up to date; ends at its first error."""
    def fail(_algorithm, _event, message):
        sys.exit(message)
    fail.CallDataType = "string0"
    proxy.GetClientSideObject().AddObserver("ErrorEvent", fail)
    proxy.UpdatePipeline()


images = DiffusionSampler(
    ModelFolder=str(arguments.model.resolve()), PromptFile=str(arguments.prompts.resolve()),
    InstancesPerPrompt=arguments.instances, InferenceSteps=arguments.steps, Scheduler="Model's Own",
    GuidanceScale=arguments.guidance, Seed=arguments.seed, LatentDecoding=arguments.decoding,
    StoredImageSize=arguments.size, CaptureNoisyImage=0, CapturePredictedImage=1)
features = FeatureEncoder(Input=images, ImageArray="PredictedImage", Encoder="PCA")
if arguments.encoder:
    features.Encoder = "Model"
    features.EncoderFolder = str(arguments.encoder.resolve())
tree = EvolutionaryEmbedding(Input=features, Layout="Radial", Seed=arguments.seed)
for stage in (images, features, tree):
    run(stage)

output = arguments.output.resolve()
output.mkdir(parents=True, exist_ok=True)
SaveData(str(output / "tree.vtp"), OutputPort(tree, 0), DataMode="Binary")
instances = images.GetClientSideObject().GetOutputDataObject(0).GetNumberOfPartitionedDataSets()
strip = FilmStrip(Input=images, ImageArray="PredictedImage", Every=max(1, arguments.steps // 10),
                  Instances=list(range(0, instances, arguments.instances)))
SaveData(str(output / "film-strip.png"), strip)
view = CreateView("RenderView")
view.ViewSize = [1200, 1000]
view.UseColorPaletteForBackground = 0
view.Background = [1, 1, 1]
view.OrientationAxesVisibility = 0
Show(OutputPort(tree, 0), view).SetRepresentationType("TDL Radial Axes")
ResetCamera(view)
SaveScreenshot(str(output / "tree.png"), view)
print(f"In {output}: " + ", ".join(sorted(file.name for file in output.iterdir())))
