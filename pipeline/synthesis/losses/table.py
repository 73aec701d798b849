"""The losses there are, in the order in which they are summed: L = alpha L_content + beta L_style (eq. 7)."""

from __future__ import annotations

from .content import ContentLoss
from .layer_loss import LayerLoss
from .style import StyleLoss

CONTENT, STYLE = ContentLoss(), StyleLoss()
LOSSES: tuple[LayerLoss, ...] = (CONTENT, STYLE)
