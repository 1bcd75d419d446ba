"""The same bytes to berth-balancer, HAProxy and nginx: what must hold of ours, and a reason for everything that they do otherwise.

BERTH_BUILD is the build's folder. BERTH_DIFFERENTIAL_SEED and BERTH_DIFFERENTIAL_MUTANTS: other and more random cases than every run has.
"""
import os

import pytest

import answers
import cases
import compare
import h2
import h2_answers
import proxies

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/differential.md")
SEED = int(os.environ.get("BERTH_DIFFERENTIAL_SEED", "1"))
MUTANTS = int(os.environ.get("BERTH_DIFFERENTIAL_MUTANTS", "100"))


@pytest.fixture(scope="module", name="group")
def group_fixture():
    if reason := proxies.missing():
        if os.environ.get("BERTH_NO_SKIP"):
            pytest.fail(reason)
        pytest.skip(reason)
    group = proxies.start(os.path.join(os.environ["BERTH_BUILD"], "balancer/app/berth-balancer"))
    yield group
    group.close()


def check(group, table, explained):
    results = compare.run(group, table)
    assert group.alive(), group.logs()
    wrong, unexplained = [], []
    for number, (name, data) in enumerate(table):
        for mode in proxies.MODES:
            wrong += [f"{name} in {mode}: {fault}\n  {data[:300]!r}" for fault in compare.faults(mode, data, results[mode][number])]
        for other in ("haproxy", "nginx"):
            kind = compare.difference(results["defensive"][number][2], results[other][number][2])
            words = compare.words_of(data)
            if kind and not explained.check(words, other, kind):
                kind = compare.again(group, other, data)
            if kind and not explained.check(words, other, kind):
                unexplained.append(f"{name}: {other}, {kind}, {sorted(words)}\n  {data[:300]!r}")
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong[:20])
    assert not unexplained, f"{len(unexplained)} differences that docs/differential.md does not explain:\n" + "\n".join(unexplained[:20])


def test_every_known_pattern_is_safe_and_every_difference_has_a_reason(group):
    table = cases.table()
    assert len(table) > 2000
    explained = compare.Explained(PAGE, "Requests")
    check(group, table, explained)
    assert not explained.idle(), f"rows that explain nothing: {explained.idle()}"


def test_random_changes_of_the_patterns_are_as_safe(group):
    check(group, list(cases.mutants(SEED, MUTANTS)), compare.Explained(PAGE, "Requests"))


def test_hostile_targets_harm_no_other_request_and_every_difference_has_a_reason(group):
    table = answers.table()
    results = compare.run_answers(group, ["defensive", "haproxy", "nginx"], table)
    assert group.alive(), group.logs()
    explained = compare.Explained(PAGE, "Answers")
    wrong, unexplained = [], []
    for number, (word, name, method, data, _) in enumerate(table):
        ours = results["defensive"][number]
        wrong += [f"{name}: {fault}\n  {ours[0][:300]!r}" for fault in compare.answer_faults(method, ours)]
        for other in ("haproxy", "nginx"):
            kind = compare.answer_difference(method, ours, results[other][number])
            if kind and not explained.check({word}, other, kind):
                unexplained.append(f"{name}: {other}, {kind}\n  {compare.outcome(method, ours)}, {compare.outcome(method, results[other][number])}")
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong[:20])
    assert not unexplained, f"{len(unexplained)} differences that docs/differential.md does not explain:\n" + "\n".join(unexplained[:20])
    assert not explained.idle(), f"rows that explain nothing: {explained.idle()}"


def test_requests_of_http2_reach_targets_as_one_request_or_not_at_all(group):
    table = h2.table()
    results = compare.run_h2(group, table)
    assert group.alive(), group.logs()
    explained = compare.Explained(PAGE, "Requests of HTTP/2")
    wrong, unexplained = [], []
    for number, case in enumerate(table):
        ours = results["defensive"][number]
        wrong += [f"{case[0]}: {fault}" for fault in compare.h2_faults(case, ours)]
        words = h2.meaning(*case[1:])[1]
        for other in ("haproxy", "nginx"):
            kind = compare.h2_difference(ours, results[other][number])
            if kind and not explained.check(words, other, kind):
                unexplained.append(f"{case[0]}: {other}, {kind}, {sorted(words)}")
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong[:20])
    assert not unexplained, f"{len(unexplained)} differences that docs/differential.md does not explain:\n" + "\n".join(unexplained[:20])
    assert not explained.idle(), f"rows that explain nothing: {explained.idle()}"


def test_hostile_targets_of_http2_harm_no_other_request(group):
    table = h2_answers.table()
    results = compare.run_h2_answers(group, ["berth"], table)
    assert group.alive(), group.logs()
    wrong = [f"{name}: {fault}" for number, (_, name, _) in enumerate(table) for fault in compare.h2_answer_faults(number, results["berth"][number])]
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong[:20])
