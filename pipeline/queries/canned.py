"""Questions that everybody asks, as SQL that one can start from."""

from __future__ import annotations

from collections.abc import Sequence

from neckar.pipeline.queries.union_view import RUN


def failed(*, several: bool) -> str:
    """Pairs without a picture and why. `several`: of several runs."""
    return (
        f"select {_run(several)}pair_id, status, error_code, attempts, node, error_message\n"
        f"from results where status <> 'ok' order by {_run(several)}pair_index"
    )


def slowest(count: int, *, several: bool) -> str:
    """Pictures that took longest, with what may explain it."""
    return (
        f"select {_run(several)}pair_id, seconds, iterations,"
        " round(1000 * seconds / iterations, 1) as ms_an_evaluation, height_px, width_px, worker, node\n"
        f"from results where status = 'ok' order by seconds desc, pair_id limit {count}"
    )


def worst_loss(count: int, *, several: bool) -> str:
    """Pictures with the largest losses, and what rounding to 8 bits added."""
    return (
        f"select {_run(several)}pair_id, loss_total, loss_content, loss_style,"
        " round(loss_total_png / loss_total, 3) as png_ratio, iterations, stop_reason\n"
        f"from results where status = 'ok' order by loss_total desc, pair_id limit {count}"
    )


def summary(factors: Sequence[str], *, several: bool) -> str:
    """Counts, losses and times by the levels of some factors, their columns as `design` has them."""
    run = _run(several)
    columns = ", ".join(f"design.{_quoted(factor)}" for factor in factors)
    mine = "design.run, " if several else ""
    return (
        f"select {mine}{columns}, count(*) as pairs, count(*) filter (design.status = 'ok') as ok,"
        " count(*) filter (design.status in ('failed', 'quarantined')) as failed,"
        " count(*) filter (design.status = 'pending') as pending,"
        " avg(loss_total) as loss_mean, median(loss_total) as loss_median,"
        " min(loss_total) as loss_least, max(loss_total) as loss_most, avg(seconds) as seconds_mean\n"
        f"from design left join results using ({run}pair_id) group by all order by {mine}{columns}"
    )


def examples(factors: Sequence[str]) -> tuple[str, ...]:
    """Six questions about a run, with its own factors where it has any."""
    # `results` has columns of settings: where a factor is one, the name alone would be ambiguous.
    factor = f"design.{_quoted(factors[0]) if factors else 'status'}"
    name = _quoted(factors[0]) if factors else "status"
    joined = "design join results using (pair_id)"
    mean = f"select {factor}, avg(loss_total) as loss from {joined}"  # noqa: S608  # for people to read
    chosen = f"select {factor}, pooling, loss_total from {joined}"  # noqa: S608
    return (
        "select status, count(*) as pairs from design group by all order by all",
        "select pair_id, loss_total, seconds from results order by loss_total desc limit 10",
        f"{mean} group by all order by all",
        "select iteration, median(total) as total from loss_trace group by all order by all",
        "select pair_id, min(iteration) as at from loss_trace where total < 1e7 group by all",
        f"pivot ({chosen}) on {name} using avg(loss_total) group by pooling",
    )


def _run(several: bool) -> str:
    return f"{RUN}, " if several else ""


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else '"' + name.replace('"', '""') + '"'
