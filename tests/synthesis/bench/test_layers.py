"""The command whose table the ways of convolutions are chosen from, small enough for a test."""

from __future__ import annotations

import torch

from neckar.pipeline.synthesis.bench.layers import compare, main, ways
from neckar.pipeline.synthesis.network.vgg19 import up_to
from neckar.pipeline.synthesis.network.winograd import choices


def test_every_layer_both_ways_with_the_way_that_is_taken(capsys, two_threads):
    main(["--sizes", "16", "--threads", "1"])
    _, header, *rows, end = capsys.readouterr().out.splitlines()
    assert header.split()[:6] == ["px", "layer", "pass", "taken", "best", "ratio"]
    assert [tuple(row.split()[1:3]) for row in rows] == [
        (spec.name, name) for spec in up_to(("conv5_1",)) for name in ("forward", "back")
    ]
    assert end.endswith("1.2 times the best way")


def test_the_best_way_is_one_of_those_measured():
    for _, taken, found in compare(up_to(("conv3_1",))[-1], 32, "float32"):
        assert taken > 0
        assert len(found) == 1 + len(choices(torch.float32))


def test_every_way_computes_the_same():
    kernel, x = torch.randn(64, 32, 3, 3), torch.randn(2, 32, 12, 9).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        first, *others = (way(x, relu=False) for way in ways(kernel, None, torch.float32, choices(torch.float32)))
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-4, atol=1e-3)
