"""The next element is made when there is time, once, and nothing is lost."""

from collections.abc import Iterator

from asrtrain.batching import Prefetched


def counting(made: list[int], count: int) -> Iterator[int]:
    for number in range(count):
        made.append(number)
        yield number


def test_the_next_is_made_when_asked_to_prepare_and_once():
    made: list[int] = []
    ahead = Prefetched(counting(made, 3))
    assert not made
    ahead.prepare()
    ahead.prepare()
    assert made == [0]
    seen = []
    for number in ahead:
        seen.append(number)
        ahead.prepare()
        assert made == list(range(min(number + 2, 3)))
    assert seen == [0, 1, 2]


def test_without_preparing_each_is_made_when_wanted():
    made: list[int] = []
    for number in Prefetched(counting(made, 3)):
        assert made[-1] == number
    assert made == [0, 1, 2]


def test_none_is_an_element_too():
    ahead = Prefetched([None, None])
    ahead.prepare()
    assert list(ahead) == [None, None]
