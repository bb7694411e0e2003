"""What goes by on a lane until a job is done, against a turn-by-turn run."""

from hypothesis import given
from hypothesis import strategies as st

from vision.jobs.reports.fair_share import Work, until_done

JOBS = st.lists(
    st.builds(Work, st.integers(-1, 1), st.integers(1, 5), st.integers(1, 20), st.integers(1, 20).map(float)),
    min_size=1,
    max_size=5,
)


def test_alone_it_is_its_own_work() -> None:
    assert until_done(Work(0, 1, 10, 1_000.0), []) == (10, 1_000)


def test_a_higher_priority_comes_first_and_a_lower_one_does_not_matter() -> None:
    own, high, low = Work(0, 1, 10, 100.0), Work(1, 1, 5, 70.0), Work(-1, 1, 9, 900.0)
    assert until_done(own, [high, low]) == (15, 170)


def test_equals_share_by_weight_until_one_is_done() -> None:
    own, heavy, small = Work(0, 1, 10, 100.0), Work(0, 3, 1_000, 10_000.0), Work(0, 1, 2, 20.0)
    assert until_done(own, [heavy, small]) == (10 + 30 + 2, 100 + 300 + 20)


@given(JOBS)
def test_it_is_what_turns_by_tokens_served_give(jobs: list[Work]) -> None:
    """Turns of a thousandth of a token: the highest priority first, then the one served least for its weight."""
    left, served, passed = [job.tokens for job in jobs], [0.0] * len(jobs), 0.0
    while left[0] > 1e-9:
        index = min((i for i, tokens in enumerate(left) if tokens > 1e-9), key=lambda i: (-jobs[i].priority, served[i]))
        turn = min(0.05, left[index])
        left[index] -= turn
        served[index] += turn / jobs[index].weight
        passed += turn
    assert abs(until_done(jobs[0], jobs[1:])[1] - passed) <= 0.3 * len(jobs)
