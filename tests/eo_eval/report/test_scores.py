from eo_eval.report.collect import collect
from eo_eval.report.scores import comparisons, headline, protocol_table


def test_the_headline_is_the_trained_linear_probe_and_its_gain(scored):
    views = collect([scored])
    found = headline(views)
    assert found["row"]["weights"] == "run"
    assert found["row"]["method"] == "linear"
    assert found["gain"] == "+0.0"  # the stand-in is the same model
    assert headline(collect([scored.parent / "myrun/eval/made-val-knn5.json"]))["method"] == "5-NN"


def test_scores_stand_on_one_scale_the_best_first(scored):
    (comparison,) = comparisons(collect([scored]))
    values = [line["value"] for line in comparison["lines"]]
    assert values == sorted(values, reverse=True)
    assert len(values) == 4
    places = [float(line[name]) for line in comparison["lines"] for name in ("from", "at", "to")]
    assert 0 <= min(places) <= max(places) <= 100
    assert {line["label"] for line in comparison["lines"]} == {"myrun", "tiny, random weights"}


def test_the_protocol_says_once_what_all_share(scored):
    table = protocol_table(collect([scored]))
    lines = {line["field"]: line for line in table["lines"]}
    assert len(table["heads"]) == 4
    assert lines["protocol"]["shared"]
    assert lines["weights"]["values"] == ["run", "random", "run", "random"]
    assert "adaptation" not in lines  # empty throughout
