"""The page in a real browser: opened, sorted, filtered, read by mouse and keyboard, at a desk and on a phone, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from agerepro.report.loading import load_run
from agerepro.report.page.write import write_page

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (requirements/dev.in)")

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>alert(1)</script>"
DESK, PHONE = 1280, 360
SIZE_MB, OPENING_S = 40, 2.0  # of a page with FG-NET's 1,002 faces
# Without the last four Chromium asks its makers' servers for updates at every start.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs Chromium and ChromeDriver on the PATH (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, *QUIET):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture
def opened(browser) -> Iterator[Callable[..., Any]]:
    """Opens a page at a width and in a colour scheme; at the end the console has to be empty."""

    def open_(page: Path, *, width: int = DESK, scheme: str = "light") -> Any:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
        )
        # Without smooth scrolling, so that a click finds its target where it was seen.
        wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wanted.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"
        return browser

    browser.get_log("browser")
    yield open_
    assert browser.get_log("browser") == []


@pytest.fixture(scope="module")
def page(tmp_path_factory, make_folder_in, add_maps) -> Path:
    made = make_folder_in(tmp_path_factory.mktemp("page"))
    add_maps(made)
    return write_page([load_run(made.folder, partial=False)], None, faces="as licensed")


def all_of(browser, css: str) -> list[Any]:
    return browser.find_elements(By.CSS_SELECTOR, css)


def one(browser, css: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, css)


def column(browser, place: int) -> list[str]:
    # At once: the table may be drawn anew between two cells.
    script = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.innerText.trim())"
    return browser.execute_script(script, f"#fold-table tbody tr > :nth-child({place})")


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_scrolling_sideways_and_asks_nobody_for_anything(page, opened, width, scheme):
    browser = opened(page, width=width, scheme=scheme)
    one(browser, "#fold-table tbody button").click()
    for closed in all_of(browser, "details > summary"):
        closed.click()
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    asked = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [name for name in asked if not name.startswith("data:")] == []
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background.strip("rgb()").split(","))
    assert brightness > 600 if scheme == "light" else brightness < 120


def test_folds_are_sorted_by_every_column_and_back(page, opened):
    browser = opened(page)
    errors = [float(text) for text in column(browser, 3)]
    assert errors == sorted(errors, reverse=True) and len(errors) == 6
    for place, key in ((2, int), (3, float)):
        for direction in ("descending", "ascending"):
            # The first click on the column that is sorted already turns it round.
            heading = all_of(browser, "#fold-table thead th")[place - 1]
            if heading.get_attribute("aria-sort") != direction:
                heading.find_element(By.TAG_NAME, "button").click()
            values = [key(text) for text in column(browser, place)]
            assert values == sorted(values, reverse=direction == "descending")
            assert all_of(browser, "#fold-table thead th")[place - 1].get_attribute("aria-sort") == direction
    all_of(browser, "#fold-table thead button")[0].click()
    assert column(browser, 1)[1:] == [f"{number:03d}" for number in range(2, 7)]
    assert browser.switch_to.active_element.text.startswith("Fold")


def test_folds_are_filtered_by_name_and_age_and_a_hostile_name_is_text(page, opened):
    browser = opened(page)
    one(browser, "#wanted").send_keys("SCRIPT")
    assert column(browser, 1) == [HOSTILE]
    assert one(browser, "#count").text.startswith("1 of 6 folds, ")
    one(browser, "#filters button[type=reset]").click()
    assert len(column(browser, 1)) == 6
    one(browser, "#youngest").send_keys("200")
    assert column(browser, 1) == [] and one(browser, "#count").text.startswith("0 of 6 folds, 0 of ")


def test_an_open_fold_shows_its_faces_with_truth_answer_belief_and_map(page, opened):
    browser = opened(page)
    one(browser, "#fold-table tbody button").click()
    name, photos, error = (column(browser, place)[0] for place in (1, 2, 3))
    assert one(browser, "#fold h3").text == name
    cards = all_of(browser, "#fold .card")
    assert len(cards) == int(photos)
    offs = [abs(float(card.find_element(By.CSS_SELECTOR, ".off").text.replace("−", "-"))) for card in cards]
    assert offs == sorted(offs, reverse=True)
    assert sum(offs) / len(offs) == pytest.approx(float(error), abs=0.06)
    browser.execute_async_script("Promise.all([...document.images].map((one) => one.decode())).then(arguments[0])")
    widths = browser.execute_script("return [...document.querySelectorAll('#fold .face img:not(.map)')].map((one) => one.naturalWidth)")
    assert widths == [96] * len(cards)
    assert len(all_of(browser, "#fold .map")) == len(cards)
    description = one(browser, "#fold .distribution").get_attribute("aria-label")
    assert description.startswith("Predicted ") and "most probable is" in description
    assert one(browser, "#fold .face img").get_attribute("alt").startswith(f"Face of {name} at ")


def test_the_slider_makes_the_maps_stronger(page, opened):
    browser = opened(page)
    slider = one(browser, "#strength")
    shown = "return getComputedStyle(document.querySelector('#gallery-faces .map')).opacity"
    assert browser.execute_script(shown) == "0.6"
    slider.send_keys(Keys.HOME)
    assert browser.execute_script(shown) == "0" and one(browser, "#strength-value").text == "0 %"
    slider.send_keys(Keys.END)
    assert browser.execute_script(shown) == "1"


def test_the_gallery_is_sorted_from_the_worst_and_from_the_best(page, opened):
    browser = opened(page)

    def offs() -> list[float]:
        return [abs(float(off.text.replace("−", "-"))) for off in all_of(browser, "#gallery-faces .off")]

    worst = offs()
    assert worst == sorted(worst, reverse=True)
    one(browser, "#order option[value=best]").click()
    assert offs() == worst[::-1]


def test_it_is_read_by_keyboard_alone(page, opened):
    browser = opened(page)
    one(browser, "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the results" and skip.rect["x"] >= 0
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    one(browser, "#fold-table tbody button").send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "fold"
    plot = one(browser, "#scatter-plot svg")
    plot.send_keys(Keys.ARROW_LEFT)  # from the end: the largest error of all
    text = one(browser, "#scatter-photo").text
    worst = one(browser, "#gallery-faces .ages").get_attribute("aria-label")
    assert worst.split(", ")[0].removeprefix("truth ") in text and "predicted" in text
    plot.send_keys(Keys.ENTER)
    assert len(all_of(browser, "#fold .card.wanted")) == 1


def test_the_button_changes_light_and_dark(page, opened):
    browser = opened(page, scheme="light")
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(paper)
    button = one(browser, "#theme")
    assert button.text == "Dark"
    button.click()
    assert browser.execute_script(paper) != light and button.text == "Light"
    button.click()
    assert browser.execute_script(paper) == light


def test_another_run_fills_list_plot_and_gallery_anew(make_folder, add_maps, opened, tmp_path):
    first, second = make_folder(), make_folder(name="other", error=25.0, seed=1)
    add_maps(second)
    runs = [load_run(made.folder, partial=False) for made in (first, second)]
    browser = opened(write_page(runs, tmp_path / "both.html", faces="as licensed"))
    before = column(browser, 3)
    assert all_of(browser, "#gallery-faces .map") == []
    one(browser, "#run option[value='1']").click()
    assert column(browser, 3) != before and one(browser, "#scatter-title").text.endswith(": other")
    assert all_of(browser, "#gallery-faces .map")


def test_without_faces_the_page_still_works(make_folder, opened):
    made = make_folder(synthetic=())
    browser = opened(write_page([load_run(made.folder, partial=False)], None, faces="as licensed"), width=PHONE)
    one(browser, "#fold-table tbody button").click()
    assert all_of(browser, "#fold .face img") == [] and all_of(browser, "#fold .distribution")


def test_a_page_of_a_thousand_faces_is_small_and_opens_at_once(make_folder, add_maps, opened):
    made = make_folder(people=82, photos_a_person=13)
    add_maps(made)
    page = write_page([load_run(made.folder, partial=False)], None, faces="as licensed")
    assert page.stat().st_size < SIZE_MB * 1e6
    browser = opened(page)
    times = []
    for _ in range(3):
        browser.refresh()
        times.append(browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
    assert len(column(browser, 1)) == 82
    print(f"\n{page.stat().st_size / 1e6:.1f} MB, open in {min(times):.2f} s at best of {times}")
    assert min(times) < OPENING_S
