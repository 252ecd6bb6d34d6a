# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/ClipText: what transformers' CLIP text encoders compute.

Needs: pip install torch transformers
Run from the repository's root.

A case is a folder as transformers saves it (random weights) beside golden.safetensors: token ids, all
hidden states, the last one after the final norm, the pooled one and, where there is one, its projection.
"""
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

DATA = pathlib.Path("Testing/Data/ClipText")
SMALL = dict(vocab_size=50, hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=2,
             max_position_embeddings=9, bos_token_id=48, eos_token_id=49, pad_token_id=49)

CASES = {
    # As Stable Diffusion 1, whose eos_token_id is that of before it was corrected.
    "Stale": (CLIPTextModel, dict(SMALL, eos_token_id=2, bos_token_id=0, pad_token_id=1), torch.float32),
    # As Stable Diffusion 2 and XL's second; the end token is not the one with the highest id.
    "Projection": (CLIPTextModelWithProjection,
                   dict(SMALL, hidden_act="gelu", num_attention_heads=3, projection_dim=7, eos_token_id=40,
                        layer_norm_eps=1e-3), torch.float32),
    "Half": (CLIPTextModelWithProjection, dict(SMALL, projection_dim=12), torch.float16),
    "BrainFloat": (CLIPTextModel, dict(SMALL, hidden_act="gelu"), torch.bfloat16),
}

for name, (network, options, dtype) in CASES.items():
    torch.manual_seed(7)
    model = network(CLIPTextConfig(**options)).eval()
    for tensor in model.parameters():  # normalizations start as identities, biases as zeros
        tensor.data += 0.3 * torch.randn_like(tensor)
    model = model.to(dtype)
    folder = DATA / name
    model.save_pretrained(folder)
    if name == "Stale":  # as older versions stored it
        weights = load_file(folder / "model.safetensors")
        assert "text_model.embeddings.position_ids" not in weights
        weights["text_model.embeddings.position_ids"] = torch.arange(9)[None]
        save_file({key if key.startswith("text_model.") else "text_model." + key: tensor
                   for key, tensor in weights.items()}, folder / "model.safetensors")
    end = {2: 49}.get(options["eos_token_id"], options["eos_token_id"])
    ids = torch.tensor([[48, 5, 17, 3, end, end, end, end, end], [48, 1, 0, 30, 8, 21, 7, 9, end],
                        [48, end, 0, 0, 0, 0, 0, 0, 0]])
    # The arithmetic is in float32 whatever the weights are stored as.
    with torch.no_grad():
        output = model.float()(ids, output_hidden_states=True)
    golden = {"ids": ids, "last_hidden_state": output.last_hidden_state}
    golden.update({f"hidden_states.{i}": state for i, state in enumerate(output.hidden_states)})
    if network is CLIPTextModel:
        golden["pooled"] = output.pooler_output
    else:
        golden["text_embeds"] = output.text_embeds
    save_file({key: tensor.clone() for key, tensor in golden.items()}, folder / "golden.safetensors")
