"""The network's weights by the manifest's name: `oxford`, `torchvision`, or a file anywhere an image may be."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.storage.store import StoreError
from neckar.pipeline.synthesis.network.weights import Weights, from_state, load_oxford
from neckar.schemas.errors import UserError

TORCHVISION_FILE = "vgg19-dcbb9e9d.pth"  # VGG19_Weights.IMAGENET1K_V1; the name carries the start of its sha256
TORCHVISION_FETCH = "python -c \"import torchvision; torchvision.models.vgg19(weights='IMAGENET1K_V1')\""
FILE_LIMIT_BYTES = 2**30  # torchvision's file with its fully connected layers has 548 MiB


def load_weights(name: str) -> Weights:
    """The weights a manifest names.

    Args:
        name: `oxford` (the paper's network, installed), `torchvision` (retrained; read from torch's cache of
            checkpoints, never fetched), or an absolute URI of a `.safetensors` or `.pth` file.

    Raises:
        UserError: if there is no such file, or it does not hold VGG-19.
    """
    if name == "oxford":
        try:
            return load_oxford()
        except FileNotFoundError as error:
            raise UserError.at("weights: oxford", str(error)) from None
    if name == "torchvision":
        path = torchvision_file()
        weights = from_bytes(path.read_bytes(), name=name, place=str(path))
        if not weights.sha256.startswith(path.stem.rsplit("-", 1)[1]):
            raise UserError.at(str(path), f"its sha256 {weights.sha256} is not the one in its name; fetch it again")
        return weights
    try:
        data = read_uri(name, limit_bytes=FILE_LIMIT_BYTES)
    except StoreError as error:
        raise UserError.at(f"weights: {name}", str(error)) from None
    return from_bytes(data, name=name, place=name)


def torchvision_file() -> Path:
    """Where torch keeps torchvision's VGG-19 once it has been fetched.

    Raises:
        UserError: it has not been.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION_FILE
    if not path.is_file():
        told = f"{path}: no such file; Neckar fetches nothing by itself. Run: {TORCHVISION_FETCH}"
        raise UserError.at("weights: torchvision", told)
    return path


def from_bytes(data: bytes, *, name: str, place: str) -> Weights:
    """Weights from a file's bytes, safetensors or a torch checkpoint of tensors alone; code in it is refused.

    Args:
        data: the whole file.
        name: what the manifest calls them.
        place: for messages.

    Raises:
        UserError: if it is neither, or a tensor is missing or misshapen.
    """
    try:
        state = _tensors(data, place)
        return from_state(state, name=name, sha256=hashlib.sha256(data).hexdigest())
    except KeyError as error:
        raise UserError.at(place, f"has no tensor {error}; give VGG-19 as torchvision or Neckar names it") from None
    except ValueError as error:
        raise UserError.at(place, str(error)) from None


def to_safetensors(weights: Weights) -> bytes:
    """A file in Neckar's own naming: `conv1_1.weight` (64, 3, 3, 3), RGB, 0-255 minus the VGG mean."""
    tensors = {f"{layer}.weight": kernel.contiguous() for layer, kernel in weights.kernels.items()}
    tensors |= {f"{layer}.bias": bias.contiguous() for layer, bias in weights.biases.items()}
    return safetensors.torch.save(tensors, {"format": "pt", "source": weights.name, "source_sha256": weights.sha256})


def _tensors(data: bytes, place: str) -> Mapping[str, Tensor]:
    if place.endswith(".safetensors"):
        try:
            return safetensors.torch.load(data)
        except safetensors.SafetensorError as error:
            raise ValueError(f"is not a safetensors file: {error}") from None
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"is not a checkpoint of tensors alone: {reason}") from None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError("is a checkpoint of something else than named tensors; save model.state_dict()")
    return cast("Mapping[str, Tensor]", state)
