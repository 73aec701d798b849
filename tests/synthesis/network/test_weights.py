from __future__ import annotations

import hashlib

import pytest
import torch

from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.network.normalisation import normalised
from neckar.pipeline.synthesis.network.pictures import to_network
from neckar.pipeline.synthesis.network.vgg19 import SPECS
from neckar.pipeline.synthesis.network.weights import (
    TORCHVISION_CHILD,
    codebook_path,
    from_named,
    from_state,
    load_oxford,
)


def test_oxford_is_the_codebook_decoded_and_flipped_to_rgb(oxford):
    stored = torch.load(codebook_path(), weights_only=True)
    codes, table = stored["block3_conv2_W_q"], stored["block3_conv2_W_table"]
    assert oxford.kernels["conv3_2"][5, 7, 1, 2] == table[int(codes[5, 7, 1, 2])]
    codes, table = stored["block1_conv1_W_q"], stored["block1_conv1_W_table"]
    assert oxford.kernels["conv1_1"][9, 0, 0, 1] == table[int(codes[9, 2, 0, 1])]  # red is the last of BGR
    assert oxford.sha256 == hashlib.sha256(codebook_path().read_bytes()).hexdigest()
    assert sum(k.numel() for k in oxford.kernels.values()) == 20_018_880  # Simonyan & Zisserman's convolutions


def test_torchvision_preprocessing_is_folded_in(random_weights):
    """With ImageNet's mean and std undone by hand, conv1_1 answers as torchvision's own would."""
    state = {}
    for spec, child in zip(SPECS, TORCHVISION_CHILD, strict=True):
        state[f"features.{child}.weight"] = random_weights.kernels[spec.name]
        state[f"features.{child}.bias"] = random_weights.biases[spec.name]
    folded = from_state(state, name="torchvision", sha256="0" * 64)
    generator = torch.Generator().manual_seed(1)
    rgb = torch.rand(1, 3, 20, 24, generator=generator) * 255
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    theirs = torch.conv2d((rgb / 255 - mean) / std, state["features.0.weight"], state["features.0.bias"], padding=1)
    x = to_network(rgb[0].permute(1, 2, 0).numpy(), torch.device("cpu"))
    ours = torch.conv2d(x, folded.kernels["conv1_1"], folded.biases["conv1_1"], padding=1)
    torch.testing.assert_close(ours[:, :, 1:-1, 1:-1], theirs[:, :, 1:-1, 1:-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda state: state.pop("conv3_3.bias"), "conv3_3.bias"),
        (lambda state: state.update({"conv2_1.weight": torch.zeros(1)}), "conv2_1"),
        (lambda state: state["conv5_4.bias"].fill_(float("nan")), "conv5_4"),
    ],
)
def test_a_file_that_is_not_vgg19_names_the_tensor(random_weights, spoil, word):
    state = {f"{n}.weight": k.clone() for n, k in random_weights.kernels.items()}
    state |= {f"{n}.bias": b.clone() for n, b in random_weights.biases.items()}
    spoil(state)
    with pytest.raises((KeyError, ValueError), match=word):
        from_named(state, name="x", sha256="0")


@pytest.mark.slow
def test_normalised_filters_have_mean_activation_one(picture):
    pictures = [picture("coffee.png", 96), picture("astronaut.png", 96)]
    weights = load_oxford()
    rescaled = normalised(weights, pictures)
    cpu = torch.device("cpu")
    before, after = (
        Network(w, ["conv5_4"], pooling="average", dtype=torch.float32, device=cpu) for w in (weights, rescaled)
    )
    tapes = [[network.respond(to_network(p, cpu)) for p in pictures] for network in (before, after)]
    for spec in SPECS:
        old, new = (torch.cat([t[spec.name].flatten(2)[0] for t in tape], dim=1) for tape in tapes)
        mean = new.mean(1)
        awake = old.mean(1) > 1e-4
        torch.testing.assert_close(mean[awake], torch.ones_like(mean[awake]), rtol=2e-2, atol=0)
        # The same function up to one positive factor a filter.
        torch.testing.assert_close(new[awake], old[awake] / old[awake].mean(1, keepdim=True), rtol=2e-2, atol=2e-2)
