"""The page in a real browser: no complaint, no request, every recording can be played, the toggle works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import NAMES, Page, find_chromium, opened_browser

from asrtrain.app import report

pytestmark = pytest.mark.slow

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 25, 31)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    executable = find_chromium()
    if executable is None:
        pytest.skip(f"no browser on PATH (looked for {', '.join(NAMES)}); Debian has it as the package chromium")
    with opened_browser(executable, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def written(words: Path, strings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report([words, strings], output=tmp_path_factory.mktemp("report") / "page.html").resolve()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False), (360, True)])
def test_no_complaint_no_request_and_no_scrolling_sideways(page: Page, written: Path, width: int, dark: bool) -> None:
    page.open(written, width, dark=dark)
    assert page.value(BACKGROUND) == (DARK if dark else LIGHT)
    assert page.value("document.documentElement.scrollWidth") <= width
    for details in ("true", "false"):
        page.value(f"document.querySelectorAll('details').forEach(one => one.open = {details})")
        assert page.value("document.documentElement.scrollWidth") <= width
    assert page.complaints() == []
    assert [address for address in page.requests() if not address.startswith("data:")] == [written.as_uri()]


def test_what_the_page_may_not_do_is_noticed(page: Page, written: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    text = written.read_text(encoding="utf-8")
    spoilt.write_text(text.replace("</main>", '<img src="http://nowhere.invalid/x.png"></main>'), encoding="utf-8")
    page.open(spoilt, 1280)
    assert page.complaints()


def test_the_toggle_turns_the_page_over(page: Page, written: Path) -> None:
    page.open(written, 1280)
    click = "document.getElementById('theme').click()"
    named = "document.getElementById('theme').textContent"
    seen = [(page.value(BACKGROUND), page.value(named))]
    for _ in range(2):
        page.value(click)
        seen.append((page.value(BACKGROUND), page.value(named)))
    assert seen == [(LIGHT, "Dark"), (DARK, "Light"), (LIGHT, "Dark")]  # the button says what it does


def test_every_recording_can_be_played(page: Page, written: Path) -> None:
    page.open(written, 1280)
    loaded = (
        "Promise.all([...document.querySelectorAll('audio')].map(one => new Promise(done => {"
        " one.onloadeddata = () => done(one.duration); one.onerror = () => done(one.error.message); one.load(); })))"
    )
    durations = page.value(loaded)
    assert len(durations) > 8
    assert all(isinstance(seconds, float) and 0.1 < seconds < 8.1 for seconds in durations)


def test_figures_are_named_to_those_who_cannot_see_them(page: Page, written: Path) -> None:
    page.open(written, 1280)
    nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
    images = [node for node in nodes if node["role"]["value"] in ("image", "img") and not node["ignored"]]
    figures = page.value("document.querySelectorAll('figure svg').length")
    named = [node for node in images if any(letter.isdigit() for letter in node.get("name", {}).get("value", ""))]
    assert len(named) == figures > 20


def test_the_keyboard_comes_everywhere(page: Page, written: Path) -> None:
    page.open(written, 1280)
    reached = []
    for _ in range(4):
        for kind in ("keyDown", "keyUp"):
            page.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(page.value("document.activeElement.id || document.activeElement.getAttribute('href')"))
    assert reached == ["#content", "theme", "#comparison", "#run-1"]
