# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/VisionModels: what transformers' vision models compute.

Needs: pip install torch transformers "pillow<13"
Run from the repository's root, after make_clip_tokenizer.py.

A case is a folder as transformers saves it (random weights, an image processor) beside golden.safetensors:
two images of an odd size (uint8, height x width x channels), what the processor makes of them
(pixel_values), and what the network gives: all hidden states, the last one, the pooled one and, where there
are any, logits and the projection. Of a whole CLIP model also, for each prompt of prompts.json, the
similarity to either image.
"""
import json
import pathlib
import shutil

import numpy
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (CLIPConfig, CLIPModel, CLIPTokenizer, CLIPVisionConfig, CLIPVisionModel,
                          CLIPVisionModelWithProjection, ConvNextConfig, ConvNextForImageClassification,
                          ConvNextModel, Dinov2Config, Dinov2ForImageClassification, Dinov2Model,
                          ResNetConfig, ResNetForImageClassification, ViTConfig,
                          ViTForImageClassification, ViTModel)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

DATA = pathlib.Path("Testing/Data/VisionModels")
TOKENIZER = pathlib.Path("Testing/Data/ClipTokenizer/Version1")
PROMPTS = ["a photo of a cat", "an oil painting of a small house beside the sea", "", "1024"]

TRANSFORMER = dict(hidden_size=12, num_hidden_layers=3, num_attention_heads=3)
CLIP_VISION = dict(TRANSFORMER, intermediate_size=20, image_size=24, patch_size=8)
VIT = dict(CLIP_VISION)
DINO = dict(TRANSFORMER, mlp_ratio=3, image_size=21, patch_size=7)
CLIP_TEXT = dict(vocab_size=len(json.loads((TOKENIZER / "vocab.json").read_text())), hidden_size=4,
                 intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
                 max_position_embeddings=77)
CLIP_PROCESSOR = (CLIPImageProcessorPil,
                  dict(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}))
VIT_PROCESSOR = (ViTImageProcessorPil, dict(size={"height": 24, "width": 24}))
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
# Neither the size nor the proportions that the positions are of.
BIT_PROCESSOR = (BitImageProcessorPil, dict(size={"shortest_edge": 26},
                                            crop_size={"height": 23, "width": 29}, **IMAGENET))
CONVNEXT_PROCESSOR = (ConvNextImageProcessorPil, dict(size={"shortest_edge": 24}, crop_pct=0.875, **IMAGENET))

CASES = {
    "ClipVision": (CLIPVisionModel, CLIPVisionConfig(**CLIP_VISION, hidden_act="gelu"), CLIP_PROCESSOR),
    "ClipProjection": (CLIPVisionModelWithProjection,
                       CLIPVisionConfig(**CLIP_VISION, projection_dim=7, layer_norm_eps=1e-3),
                       CLIP_PROCESSOR),
    "Clip": (CLIPModel, CLIPConfig(text_config=CLIP_TEXT, vision_config=CLIP_VISION, projection_dim=6),
             CLIP_PROCESSOR),
    "ViT": (ViTModel, ViTConfig(**VIT), VIT_PROCESSOR),
    "ViTClassifier": (ViTForImageClassification,
                      ViTConfig(**VIT, qkv_bias=False, hidden_act="gelu_new", num_labels=5), VIT_PROCESSOR),
    "Dinov2": (Dinov2Model, Dinov2Config(**DINO), BIT_PROCESSOR),
    "Dinov2Classifier": (Dinov2ForImageClassification,
                         Dinov2Config(**DINO, use_swiglu_ffn=True, qkv_bias=False, num_labels=4),
                         BIT_PROCESSOR),
    "ConvNext": (ConvNextModel, ConvNextConfig(hidden_sizes=[6, 10], depths=[1, 2], num_stages=2,
                                               layer_scale_init_value=0.0), CONVNEXT_PROCESSOR),
    "ConvNextClassifier": (ConvNextForImageClassification,
                           ConvNextConfig(hidden_sizes=[4, 6, 8], depths=[2, 1, 1], num_stages=3,
                                          patch_size=3, hidden_act="silu", num_labels=3),
                           CONVNEXT_PROCESSOR),
    "ResNet": (ResNetForImageClassification,
               ResNetConfig(embedding_size=6, hidden_sizes=[8, 16], depths=[1, 2], num_labels=3),
               CONVNEXT_PROCESSOR),
}


def photograph(height, width, seed):
    """Smooth shapes, edges and grain, uint8 (height, width, 3)."""
    y, x, c = numpy.mgrid[:height, :width, :3]
    random = numpy.random.default_rng(seed)
    values = 120 + 90 * numpy.sin(0.31 * x + 0.2 * c + seed) * numpy.cos(0.23 * y - c)
    values += numpy.where((x - 0.6 * width) ** 2 + (y - 0.4 * height) ** 2 < 60, 110, 0)
    values += random.normal(0, 12, values.shape)
    return values.clip(0, 255).astype(numpy.uint8)


def run(model, pixels):
    """What the vision half gives, by the names of transformers' outputs."""
    if isinstance(model, CLIPModel):
        output = model.vision_model(pixels, output_hidden_states=True)
        features = model.visual_projection(output.pooler_output)
        golden = {"image_embeds": features}
    else:
        backbone = getattr(model, model.base_model_prefix, None)
        head = hasattr(model, "classifier")
        output = (backbone if head else model)(pixels, output_hidden_states=True)
        golden = {"logits": model(pixels).logits} if head else {}
        if isinstance(model, CLIPVisionModelWithProjection):
            golden["image_embeds"] = output.image_embeds
            # The outputs of this class lack the pooled one.
            output = model.vision_model(pixels, output_hidden_states=True)
    golden["last_hidden_state"] = output.last_hidden_state
    if output.get("pooler_output") is not None:
        golden["pooler_output"] = output.pooler_output.flatten(1)
    golden.update({f"hidden_states.{i}": state for i, state in enumerate(output.hidden_states)})
    return golden


def similarities(model, folder, images, tokenizer):
    """[prompts, images]"""
    tokens = tokenizer(PROMPTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    texts = model.text_projection(model.text_model(input_ids=tokens.input_ids).pooler_output)
    (folder / "prompts.json").write_text(json.dumps(PROMPTS))
    return torch.nn.functional.cosine_similarity(texts[:, None], images[None], dim=2)


images = numpy.stack([photograph(23, 41, seed) for seed in range(2)])
for name, (network, config, (processor_class, settings)) in CASES.items():
    torch.manual_seed(11)
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    if network is CLIPModel:
        config.text_config.eos_token_id = tokenizer.eos_token_id
        config.text_config.bos_token_id = tokenizer.bos_token_id
        config.text_config.pad_token_id = tokenizer.pad_token_id
    model = network(config).eval()
    for key, tensor in model.state_dict().items():  # normalizations start as identities, biases as zeros
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor += 0.3 * torch.randn_like(tensor)
    model.save_pretrained(folder)
    processor = processor_class(**settings)
    processor.save_pretrained(folder)
    pixels = processor([Image.fromarray(image) for image in images], return_tensors="pt").pixel_values
    golden = {"images": torch.from_numpy(images), "pixel_values": pixels}
    with torch.no_grad():
        golden.update(run(model, pixels))
        if network is CLIPModel:
            for file in ("vocab.json", "merges.txt"):
                shutil.copy(TOKENIZER / file, folder)
            golden["similarities"] = similarities(model, folder, golden["image_embeds"], tokenizer)
    save_file({key: tensor.contiguous().clone() for key, tensor in golden.items()},
              folder / "golden.safetensors")


# The Gram matrix of many channels, a part of the triangle: the projection is made of the bits of a Mersenne
# Twister as C++ starts it.
patches = numpy.random.default_rng(4).normal(size=(2, 9, 150))
signs = numpy.random.RandomState(5489).randint(0, 2**32, 150 * 128 // 32, dtype=numpy.uint32)
bits = (signs[:, None] >> numpy.arange(32, dtype=numpy.uint32)) & 1
vectors = patches @ ((2.0 * bits - 1.0) / numpy.sqrt(128)).reshape(150, 128)
gram = numpy.einsum("bpi,bpj->bij", vectors, vectors) / 9
rows, columns = numpy.triu_indices(128)
flat = gram[:, rows, columns] * numpy.where(rows == columns, 1.0, numpy.sqrt(2.0))
save_file({"patches": torch.from_numpy(patches).float(),
           "gram": torch.from_numpy(flat[:, ::29].copy()).float()}, DATA / "gram.safetensors")
