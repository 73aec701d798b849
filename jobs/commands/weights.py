"""`neckar weights`: the networks there are, whether a file is one, and a checkpoint as safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.pipeline.synthesis.network.weights import Weights

weights = typer.Typer(help="List, check and convert networks.")

NetworkArgument = Annotated[
    str, typer.Argument(help="oxford, torchvision, or the URI of a .safetensors or .pth file.", metavar="WEIGHTS")
]


@weights.command("list")
def list_networks() -> None:
    """Tell which networks a manifest can name."""
    print("oxford       the paper's VGG-19 as an 8-bit codebook; installed with Neckar")
    print("torchvision  VGG-19 retrained on ImageNet; other ratios apply; read from torch's cache, never fetched")
    print("URI          a .safetensors or .pth file of VGG-19, its tensors named as by torchvision or by Neckar")


@weights.command()
def check(network: NetworkArgument) -> None:
    """Load a network and say what it is; exit 2 if it is none."""
    found = _load(network)
    parameters = sum(tensor.numel() for part in (found.kernels, found.biases) for tensor in part.values())
    print(f"{network}: VGG-19, {len(found.kernels)} convolutions, {parameters:,} parameters, sha256 {found.sha256}")


@weights.command()
def convert(
    source: Annotated[str, typer.Argument(help="Like WEIGHTS of check.", metavar="SOURCE")],
    destination: Annotated[
        str, typer.Argument(help="The .safetensors file to write: a path or s3:// URI.", metavar="DESTINATION")
    ],
) -> None:
    """Write a network as safetensors, which hold no code."""
    from neckar.jobs.output.files import write
    from neckar.pipeline.worker.weights import to_safetensors

    if not destination.endswith(".safetensors"):
        raise UserError.at(destination, "the format is known by its name; let it end in .safetensors")
    data = to_safetensors(_load(source))
    write(destination, data)
    print(f"{destination}: {len(data):,} bytes")


def _load(network: str) -> Weights:
    from neckar.pipeline.storage.location import absolute
    from neckar.pipeline.worker.weights import load_weights
    from neckar.schemas.manifest import WEIGHTS_NAMES

    return load_weights(network if network in WEIGHTS_NAMES else absolute(network))
