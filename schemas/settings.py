"""How an image is made: the settings of one pair, with the paper's values as defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.layers import LAYER_NAMES

SIZE_MIN_PX = 16  # conv5_1 lies behind four 2x2 pools: shorter sides vanish
SIZE_MAX_PX = 4096

Pooling = Literal["average", "max"]
LossConvention = Literal["gatys2015", "gatys_pytorch"]
Optimizer = Literal["lbfgs", "adam"]
Precision = Literal["auto", "float32", "bfloat16"]
Resample = Literal["lanczos", "bicubic", "bilinear"]

Side = Annotated[int, Field(ge=SIZE_MIN_PX, le=SIZE_MAX_PX, strict=True)]
