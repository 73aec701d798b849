"""What a night plans, what it publishes, and what it leaves alone, night after night."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from neckar.pipeline.nights.config import load_config
from neckar.pipeline.nights.watch import last_good_night
from neckar.pipeline.queries.database import query
from neckar.pipeline.results.ranges import mask_of, ranges_of
from neckar.pipeline.results.versions import open_results, version_dates
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.local import LocalStore
from neckar.schemas.errors import ErrorCode, UserError
from tests.nights.made import NOON, Lab, write_run
from tests.results.samples import sha


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path, "out")
    lab.add("c/a.png", "c/b.png", "s/x.png")
    return lab


def ids(uri):
    return set(query(open_results(uri), "select pair_id from results").column("pair_id").to_pylist())


def names(uri):
    return {name.rpartition("__")[0] for name in ids(uri)}


def outcome(summary):
    return summary.outcome, summary.to_make, summary.added, summary.kept, summary.remade, summary.dropped


def files(lab):
    return sorted(info.key for info in open_store(lab.dataset).list())


def test_a_new_style_costs_its_own_pairs_and_every_version_stays_readable(lab):
    assert outcome(lab.make("2026-11-20")) == ("published", 2, 2, 0, 0, 0)
    lab.add("s/y.png")
    assert outcome(lab.make("2026-11-21")) == ("published", 2, 2, 2, 0, 0)
    assert names(lab.dataset) == {"a__x", "b__x", "a__y", "b__y"}
    assert names(f"{lab.dataset}@2026-11-20") == {"a__x", "b__x"}
    assert version_dates(open_store(lab.dataset)) == [date(2026, 11, 20), date(2026, 11, 21)]


def test_a_hundred_contents_twenty_styles_and_one_more(tmp_path):
    lab = Lab(tmp_path, "out")
    lab.add(*(f"c/{i}.png" for i in range(100)), *(f"s/{i}.png" for i in range(20)))
    assert lab.make("2026-11-20").added == 2000
    lab.add("s/one-more.png")
    assert outcome(lab.make("2026-11-21")) == ("published", 100, 100, 2000, 0, 0)
    assert len(ids(lab.dataset)) == 2100


def test_nothing_new_writes_one_object_and_publishes_nothing(lab):
    lab.make("2026-11-20")
    before = files(lab)
    assert outcome(lab.make("2026-11-21")) == ("unchanged", 0, 0, 2, 0, 0)
    assert [key for key in files(lab) if key not in before] == ["nights/2026-11-21/summary.json"]
    assert version_dates(open_store(lab.dataset)) == [date(2026, 11, 20)]


def test_a_published_night_is_left_as_it_is(lab):
    first = lab.make("2026-11-20")
    lab.add("s/y.png")
    before = files(lab)
    assert lab.make("2026-11-20") == first
    assert files(lab) == before


def test_a_source_that_is_gone_leaves_the_next_version_and_stays_in_the_old_one(lab):
    lab.make("2026-11-20")
    (lab.folder / "c/a.png").unlink()
    assert outcome(lab.make("2026-11-21")) == ("published", 0, 0, 1, 0, 1)
    assert names(lab.dataset) == {"b__x"}
    assert names(f"{lab.dataset}@2026-11-20") == {"a__x", "b__x"}
    lab.add("c/a.png")  # back again
    assert outcome(lab.make("2026-11-22"))[:3] == ("published", 1, 1)


def test_changed_bytes_under_one_key_are_another_picture(lab):
    lab.make("2026-11-20")
    before = ids(lab.dataset)
    lab.add("c/a.png", text="other")
    assert outcome(lab.make("2026-11-21")) == ("published", 1, 1, 1, 0, 1)
    assert names(lab.dataset) == {"a__x", "b__x"}
    assert len(ids(lab.dataset) & before) == 1


def test_a_renamed_picture_is_the_same_and_two_of_the_same_bytes_are_one(lab):
    lab.make("2026-11-20")
    (lab.folder / "c/a.png").rename(lab.folder / "c/z.png")
    lab.add("c/zz.png", text="c/a.png")
    summary = lab.make("2026-11-21")
    assert outcome(summary)[0] == "unchanged"
    assert summary.same_bytes == [(f"{lab.folder}/c/zz.png", f"{lab.folder}/c/z.png")]


def test_two_pictures_of_one_name_have_levels_and_ids_of_their_own(lab):
    (lab.folder / "c/more").mkdir()
    lab.add("c/more/a.png")
    lab.make()
    levels = query(open_results(lab.dataset), "select distinct levels['content'] as l from results").to_pylist()
    assert len(levels) == 3


def test_factors_make_cells_and_a_changed_factor_keeps_what_is_still_wanted(lab):
    lab.config["factors"] = {"alpha": [0.1, 0.2]}
    assert lab.make("2026-11-20").added == 4
    lab.config["factors"] = {"alpha": [0.2, 0.3], "exemplar": 2}
    summary = lab.make("2026-11-21")
    assert (summary.pairs, summary.kept, summary.added, summary.dropped) == (8, 2, 6, 2)
    rows = query(open_results(lab.dataset), "select levels['alpha'] a, levels['exemplar'] e from results").to_pylist()
    # what is kept tells the levels of the night that made it: there were no exemplars then
    assert {(row["a"], row["e"]) for row in rows} == {("0.2", None), ("0.2", "2"), ("0.3", "1"), ("0.3", "2")}


def test_full_makes_all_anew(lab):
    lab.make("2026-11-20")
    assert outcome(lab.make("2026-11-21", full=True)) == ("published", 2, 0, 0, 2, 0)
    parts = open_results(lab.dataset).record.parts
    assert [part.uri.split("/")[1] for part in parts] == ["2026-11-21"]


def test_an_upgrade_remakes_nothing_and_is_counted(lab):
    lab.make("2026-11-20", release="0.0.9")
    lab.add("c/d.png")
    summary = lab.make("2026-11-21", changes={"algorithm_version": 99, "precision": "bfloat16"})
    assert summary.by_release == {"0.0.9": 2, "0.1.0": 1}
    assert (summary.added, summary.kept) == (1, 2)


# --- failures and gates ---


def failing(name, code, status="failed"):
    def row(pair, made):
        if not pair.pair_id.startswith(name):
            return made
        return replace(made, status=status, error_code=code, error_message="told", image_uri=None, spec_hash=None)

    return row


def test_a_refused_night_changes_nothing_and_its_pictures_are_taken_up_by_the_next(lab):
    lab.make("2026-11-20")
    lab.add("s/y.png")
    refused = lab.make("2026-11-21", row=failing("a__y", ErrorCode.IMAGE_MISSING))
    assert (refused.outcome, refused.version, refused.missing) == ("refused", date(2026, 11, 20), 1)
    assert "75.00%" in refused.reason
    assert "99.00%" in refused.reason
    assert names(lab.dataset) == {"a__x", "b__x"}
    assert outcome(lab.make("2026-11-22")) == ("published", 1, 2, 2, 0, 0)


def test_the_same_night_again_is_judged_by_gates_that_may_have_changed(lab):
    lab.make("2026-11-20", row=failing("a", ErrorCode.IMAGE_UNREADABLE))
    assert version_dates(open_store(lab.dataset)) == []
    lab.config["gates"] = {"ok": 0.5}
    summary = lab.make("2026-11-20")
    assert (summary.outcome, summary.failed) == ("published", 1)


def test_what_would_fail_again_is_held_under_one_release_and_tried_under_the_next(lab, monkeypatch):
    lab.config["gates"] = {"ok": 0.5}
    lab.make("2026-11-20", row=failing("a", ErrorCode.IMAGE_UNREADABLE))
    assert lab.make("2026-11-21").outcome == "unchanged"
    monkeypatch.setattr("neckar.pipeline.nights.night.neckar_version", lambda: "0.2.0")
    assert outcome(lab.make("2026-11-22", release="0.2.0")) == ("published", 1, 0, 1, 1, 0)
    assert query(open_results(lab.dataset), "select count(*) n from results where status = 'ok'").to_pylist() == [
        {"n": 2}
    ]


@pytest.mark.parametrize("code", [ErrorCode.IMAGE_MISSING, ErrorCode.STORE_UNAVAILABLE, ErrorCode.INTERNAL])
def test_what_may_pass_is_tried_every_night(lab, code):
    lab.config["gates"] = {"ok": 0.5}
    lab.make("2026-11-20", row=failing("a", code))
    assert names(lab.dataset) == {"b__x"}
    assert outcome(lab.make("2026-11-21")) == ("published", 1, 1, 1, 0, 0)


def test_most_quarantined(lab):
    lab.config["gates"] = {"ok": 0.5, "quarantined": 0}
    summary = lab.make("2026-11-20", row=failing("a", ErrorCode.WORKER_DIED, "quarantined"))
    assert summary.outcome == "refused"
    assert "1 pairs are quarantined" in summary.reason


def test_a_picture_made_of_other_bytes_than_planned_is_no_part_of_the_version(lab):
    lab.config["gates"] = {"ok": 0.5}
    summary = lab.make(
        row=lambda pair, row: replace(row, content_sha256=sha("new bytes")) if pair.pair_id.startswith("a") else row
    )
    assert (summary.outcome, summary.missing) == ("published", 1)
    assert names(lab.dataset) == {"b__x"}


# --- restarts ---


def test_a_frozen_plan_stands_whatever_the_sources_become(lab):
    night = lab.night()
    frozen = night.plan()
    lab.add("s/y.png")
    (lab.folder / "c/a.png").unlink()
    again = lab.night().plan()
    assert again.record == frozen.record
    assert (again.wanted.keys == frozen.wanted.keys).all()


def test_a_frozen_plan_of_another_configuration_is_refused_with_the_difference(lab):
    lab.night().plan()
    lab.config["settings"] = {"size": 128}
    with pytest.raises(UserError) as told:
        lab.night().plan()
    assert "settings.size: was 256, is 128 now" in str(told.value)
    del lab.config["settings"]
    with pytest.raises(UserError, match="full: was false, is true now"):
        lab.night(full=True).plan()


def test_a_start_whose_bytes_changed_since_the_plan_is_told(lab):
    lab.add("start.png")
    lab.config["settings"] = {"init": "start.png"}
    first = lab.night().plan()
    assert lab.night().plan().record == first.record
    lab.add("start.png", text="other bytes")
    with pytest.raises(UserError, match=r"start\.png, which settings\.init names, changed; put them back, or"):
        lab.night().plan()
    later = lab.night("2026-11-21").plan()
    assert later.record.starts != first.record.starts
    assert not set(later.wanted.keys) & set(first.wanted.keys)


def test_two_starters_make_one_plan_and_one_version(lab):
    one, other = lab.night(), lab.night()
    first = one.plan()
    lab.add("s/y.png")
    second = other.plan()
    assert second.record == first.record
    write_run(one, first)
    version = one.publish(first, one.select(first))
    assert other.publish(second, other.select(second)) == version
    assert version_dates(open_store(lab.dataset)) == [date(2026, 11, 20)]


def test_a_night_cut_off_between_version_and_summary_is_good_and_told(lab):
    night = lab.night()
    plan = night.plan()
    write_run(night, plan)
    night.publish(plan, night.select(plan))
    assert last_good_night(night.store).outcome == "published"
    summary = lab.make("2026-11-20")
    assert (summary.outcome, summary.added, summary.ok) == ("published", 2, 2)
    assert "nights/2026-11-20/summary.json" in files(lab)


def test_an_unfinished_night_gives_its_pictures_to_the_next(lab):
    night = lab.night("2026-11-20")
    write_run(night, night.plan(), only=1)
    assert outcome(lab.make("2026-11-21")) == ("published", 1, 2, 0, 0, 0)
    assert names(lab.dataset) == {"a__x", "b__x"}


def test_a_dry_run_writes_nothing(lab):
    night = lab.night()
    plan = night.plan(dry=True)
    assert night.told(plan, night.select(plan), outcome="planned").to_make == 2
    assert files(lab) == []


def test_unchanged_pictures_are_read_once(lab, monkeypatch):
    lab.make("2026-11-20")
    read = []
    get = LocalStore.get
    monkeypatch.setattr(LocalStore, "get", lambda self, key, **o: (read.append(key), get(self, key, **o))[1])
    lab.add("c/b.png", text="changed")
    lab.make("2026-11-21")
    assert [key for key in read if key.endswith(("a.png", "x.png"))] == []
    assert read.count("b.png") == 1


# --- bad input ---


def test_dates_that_cannot_be(lab):
    with pytest.raises(UserError, match="has not come yet: it is 2026-11-27 in UTC"):
        lab.night("2026-11-28")
    lab.make("2026-11-20")
    with pytest.raises(UserError, match="is before the last version, 2026-11-20"):
        lab.night("2026-11-19")


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        ("Europe/Berlin", datetime(2026, 11, 27, 23, 30, tzinfo=UTC), "2026-11-28"),
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "2026-03-29"),  # 01:59, and 03:00 the next minute
        ("Europe/Berlin", datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "2026-03-28"),
        ("America/New_York", datetime(2026, 11, 28, 3, 0, tzinfo=UTC), "2026-11-27"),
        ("Pacific/Apia", datetime(2011, 12, 30, 10, 30, tzinfo=UTC), "2011-12-31"),  # it had no 30th
    ],
)
def test_a_night_has_the_date_of_its_time_zone(lab, zone, now, day):
    lab.config["time_zone"] = zone
    assert lab.night(None, now=now).day == date.fromisoformat(day)


def test_an_empty_prefix_is_refused_rather_than_published(lab):
    lab.make("2026-11-20")
    (lab.folder / "s/x.png").unlink()
    lab.add("s/notes.txt")
    with pytest.raises(UserError, match=r"sources\.style: no picture below .*/s; put some there"):
        lab.make("2026-11-21")


def test_a_part_that_is_gone_is_named_with_its_mend(lab):
    lab.make("2026-11-20")
    (part,) = open_results(lab.dataset).record.parts
    (lab.folder / "out/datasets/demo" / part.uri).unlink()
    with pytest.raises(UserError, match=f"{part.uri}: a part of the version 2026-11-20 is gone .*--full"):
        lab.make("2026-11-21")
    assert lab.make("2026-11-21", full=True).outcome == "published"


def test_pictures_that_are_gone_from_the_cache_are_read_again(lab):
    lab.make("2026-11-20")
    (lab.folder / "out/datasets/demo/pictures.json").write_text("{")
    assert lab.make("2026-11-21").outcome == "unchanged"


# --- reading ---


def test_rows_of_a_version_name_pictures_relative_to_the_set(lab):
    lab.make("2026-11-20")
    reader = open_results(lab.dataset)
    (row,) = query(reader, "select * from results where pair_id like 'a%'").to_pylist()
    assert row["image_uri"].startswith("runs/2026-11-20/images/")
    assert reader.row(row["pair_id"]).image_uri == row["image_uri"]
    with pytest.raises(UserError, match="no pair of this name is in the version"):
        reader.row("absent")


def test_a_dropped_pair_is_in_no_table(lab):
    lab.make("2026-11-20")
    (lab.folder / "c/a.png").unlink()
    (gone,) = [name for name in ids(lab.dataset) if name.startswith("a")]
    lab.make("2026-11-21")
    reader = open_results(lab.dataset)
    assert query(reader, "select count(distinct pair_id) n from loss_trace").to_pylist() == [{"n": 1}]
    with pytest.raises(UserError):
        reader.row(gone)


@pytest.mark.parametrize("uri", ["{}@2026-11-19", "{}@2026-13-40"])
def test_a_version_that_is_not_there(lab, uri):
    lab.make("2026-11-20")
    with pytest.raises(UserError, match="no version of this date; the last are 2026-11-20"):
        open_results(uri.format(lab.dataset))


def test_no_run_and_no_version(tmp_path):
    with pytest.raises(UserError, match=r"no run and no version stands here; give the output of a neckar run, or"):
        open_results(str(tmp_path))


def test_ranges_and_masks():
    for bits in range(64):
        mask = np.array([bool(bits >> i & 1) for i in range(6)])
        assert (mask_of(6, ranges_of(mask)) == mask).all()


def test_the_last_good_night(lab):
    store = open_store(lab.dataset)
    assert last_good_night(store) is None
    lab.make("2026-11-20")
    lab.make("2026-11-21")
    lab.add("s/y.png")
    lab.make("2026-11-22", row=failing("a__y", ErrorCode.IMAGE_MISSING))
    night = last_good_night(store)
    assert (night.date, night.outcome) == (date(2026, 11, 21), "unchanged")
    assert NOON - night.finished_at < timedelta(hours=1)


def test_names_of_a_configuration(lab):
    (lab.folder / "night.json").write_text(json.dumps(lab.config | {"name": "a/b", "time_zone": "Mars", "gate": 1}))
    with pytest.raises(UserError) as told:
        load_config(f"{lab.folder}/night.json")
    text = str(told.value)
    assert "night.json: name: 'a/b' is not a name for a run" in text
    assert "night.json: time_zone: 'Mars' is no time zone; write e.g. Europe/Berlin" in text
    assert "unknown key 'gate'; did you mean 'gates'?" in text
