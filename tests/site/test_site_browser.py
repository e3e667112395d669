"""Every page in Chromium: no other host, no errors, no sideways scrolling, accessible."""

from dataclasses import dataclass, field
from pathlib import Path

import axe_playwright_python
import pytest

from tools.chapters import chapters

# The first test of a kind waits for all pages.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# Preloading fetches style sheets again, from addresses that axe does not always resolve.
RUN_AXE = """async rules => {
    const options = {resultTypes: ["violations"], preload: false};
    if (rules) options.runOnly = {type: "rule", values: rules};
    return (await axe.run(document, options)).violations
        .filter(found => ["serious", "critical"].includes(found.impact))
        .map(found => found.id + ": " + found.nodes.slice(0, 3).map(node => node.html));
}"""
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
# Thousands of coloured words of code and parts of formulas take axe seconds on each page. They have
# the same few colours everywhere, so one chapter is looked at whole and the others without them.
# So it is with the hundreds of rows of the ledger and the bibliography, which one template makes.
WITHOUT_TINY_PARTS = """() => {
    for (const code of document.querySelectorAll(".highlight pre")) code.textContent += "";
    for (const formula of document.querySelectorAll("mjx-container")) formula.remove();
    for (const row of document.querySelectorAll(
        "tbody > tr:nth-child(n + 9), .citation-list > .citation:nth-child(n + 31)")) row.remove();
}"""
COUNT_FORMULAS = """() => [
    "mjx-container > svg",
    "mjx-container mjx-assistive-mml math",
    "mjx-container [data-mml-node='merror']",
].map(parts => document.querySelectorAll(parts).length)"""
SETTLED = "() => window.MathJax?.startup?.promise?.then(() => true) ?? true"
# Two frames after a resize, the page's own script has settled what scrolls by itself.
WIDTH = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
    () => done(document.scrollingElement.scrollWidth))))"""
# Puts the article of another page into the one that is open: a tenth of the time of opening it.
EXCHANGE = """async name => {
    const text = await (await fetch(name)).text();
    const other = new DOMParser().parseFromString(text, "text/html");
    document.querySelector("article").replaceWith(other.querySelector("article"));
}"""
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


@dataclass
class Visit:
    """What was seen while one page was open."""

    requests: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    widths: dict = field(default_factory=dict)
    violations: dict = field(default_factory=dict)
    formulas: list = field(default_factory=list)  # drawn, readable aloud, wrong


def open_page(context, url: str) -> tuple:
    """Open a page and note every request and error from the start."""
    page, visit = context.new_page(), Visit()
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("requestfailed", lambda request: visit.errors.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on(
        "console",
        lambda message: visit.errors.append(message.text) if message.type == "error" else None,
    )
    page.goto(url, wait_until="load")
    page.evaluate(SETTLED)
    return page, visit


def set_theme(page, theme: str) -> None:
    """Switch the theme as its button does."""
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)


@pytest.fixture(scope="module")
def context(browser):
    made = browser.new_context(viewport=DESKTOP, reduced_motion="reduce", color_scheme="light")
    yield made
    made.close()


def look_closely(page, visit: Visit) -> None:
    """Have axe look at a page that is shown as on a phone."""
    page.add_script_tag(path=AXE)
    visit.violations["phone"] = page.evaluate(RUN_AXE, ["scrollable-region-focusable"])
    page.set_viewport_size(DESKTOP)
    page.evaluate(WITHOUT_TINY_PARTS)
    visit.violations["light"] = page.evaluate(RUN_AXE)
    set_theme(page, "dark")
    visit.violations["dark"] = page.evaluate(RUN_AXE, COLOUR_RULES)


@pytest.fixture(scope="module")
def visits(site, address, context) -> dict[str, Visit]:
    """Each page once over http: in the light and in the dark, on a desk and on a phone."""
    seen = {}
    for name in site.looked_at:
        page, seen[name] = open_page(context, address + name)
        seen[name].formulas = page.evaluate(COUNT_FORMULAS)
        page.add_style_tag(content=STILL)
        page.set_viewport_size(PHONE)
        seen[name].widths["phone"] = page.evaluate(WIDTH)
        look_closely(page, seen[name])
        page.close()
    return seen


@pytest.fixture(scope="module")
def module_widths(site, address, context) -> dict[str, int]:
    """How wide modules' pages are on a phone: one is opened, the others' articles put into it."""
    page, _ = open_page(context, address + site.modules[0])
    page.add_style_tag(content=STILL)
    page.set_viewport_size(PHONE)
    widths = {}
    for name in site.modules:
        page.evaluate(EXCHANGE, address + name)
        widths[name] = page.evaluate(WIDTH)
    page.close()
    return widths


@pytest.fixture(scope="module")
def file_visits(site, context) -> dict[str, Visit]:
    """Every third page from the disk, as somebody opens it who was sent the folder."""
    seen = {}
    for name in site.looked_at[::3]:
        page, seen[name] = open_page(context, (site.html / name).as_uri())
        page.close()
    return seen


def test_no_request_to_another_host_over_http(visits, address):
    foreign = {n: [u for u in v.requests if not u.startswith(address)] for n, v in visits.items()}
    assert {name: urls for name, urls in foreign.items() if urls} == {}


def test_no_request_to_another_host_from_the_disk(file_visits, site):
    root = site.html.as_uri()
    foreign = {n: [u for u in v.requests if not u.startswith(root)] for n, v in file_visits.items()}
    assert {name: urls for name, urls in foreign.items() if urls} == {}


def test_no_console_errors_over_http(visits):
    assert {name: visit.errors for name, visit in visits.items() if visit.errors} == {}


def test_no_console_errors_from_the_disk(file_visits):
    assert {name: visit.errors for name, visit in file_visits.items() if visit.errors} == {}


def test_no_sideways_scrolling_on_a_phone(visits, module_widths):
    wide = {name: visit.widths["phone"] for name, visit in visits.items()} | module_widths
    assert {name: width for name, width in wide.items() if width > PHONE["width"]} == {}


@pytest.mark.parametrize("view", ["light", "dark", "phone"])
def test_axe_finds_nothing_serious(visits, view):
    found = {name: visit.violations[view] for name, visit in visits.items()}
    assert {name: violations for name, violations in found.items() if violations} == {}


@pytest.mark.parametrize(("theme", "rules"), [("light", None), ("dark", COLOUR_RULES)])
def test_axe_finds_nothing_serious_in_code_and_formulas(site, address, context, theme, rules):
    page, _ = open_page(context, f"{address}{chapters(site.tree)[0].docname}.html")
    page.add_style_tag(content=STILL)
    page.add_script_tag(path=AXE)
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    set_theme(page, theme)
    assert page.evaluate(RUN_AXE, rules) == []
    page.close()


def test_the_checks_see_what_is_wrong(context, tmp_path):
    """A page with each fault, so that the tests above are known to be able to fail."""
    (tmp_path / "bad.html").write_text(
        "<html lang='en'><title>bad</title><main><h1>Bad</h1><img src='missing.png'>"
        "<p style='color:#ccc;background:#fff'>pale</p><div style='width:2000px'>wide</div>"
        "<script>console.error('loud')</script></main></html>",
        encoding="utf-8",
    )
    page, visit = open_page(context, (tmp_path / "bad.html").as_uri())
    page.add_script_tag(path=AXE)
    found = {text.split(":")[0] for text in page.evaluate(RUN_AXE)}
    assert {"image-alt", "color-contrast"} <= found
    assert "loud" in visit.errors
    assert any("missing.png" in error for error in visit.errors)
    assert page.evaluate("() => document.scrollingElement.scrollWidth") > 1280
    page.close()


def test_an_exchanged_article_is_as_wide_as_its_page(site, address, context):
    """A page that is made too wide is narrow again with the article of another."""
    page, _ = open_page(context, address + site.modules[0])
    page.add_style_tag(content=STILL)
    page.set_viewport_size(PHONE)
    page.evaluate("() => document.querySelector('article').innerHTML += '<pre>' + 'x'.repeat(999)")
    page.evaluate("() => document.querySelector('article pre:last-of-type').style.width = '999px'")
    assert page.evaluate(WIDTH) > PHONE["width"]
    page.evaluate(EXCHANGE, address + site.modules[-1])
    assert page.evaluate(WIDTH) <= PHONE["width"]
    assert site.modules[-1].split("/")[-2] in page.locator("article h1").inner_text()
    page.close()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_search_finds_a_word(site, address, context, scheme):
    root = address if scheme == "http" else site.html.as_uri() + "/"
    page, visit = open_page(context, root + "search.html?q=backpropagation")
    page.wait_for_selector("#search-results li a", timeout=10_000)
    links = page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.href)")
    assert any("glossary.html" in link for link in links)
    page.wait_for_load_state("networkidle")
    assert visit.errors == []
    page.close()


def test_theme_is_switched_by_keyboard(address, browser):
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.goto(address + "index.html")
    brightness = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert min(page.evaluate(brightness)) > 230
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches('.theme-switch-button')"):
            break
    else:
        pytest.fail("the theme switch cannot be reached with the Tab key")
    for _ in range(3):
        page.keyboard.press("Enter")
        if page.evaluate("() => document.documentElement.dataset.theme") == "dark":
            break
    page.wait_for_timeout(300)
    assert max(page.evaluate(brightness)) < 40
    page.reload()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    context.close()


def test_the_first_tab_stop_skips_to_the_content(address, context):
    page, _ = open_page(context, address + "index.html")
    page.keyboard.press("Tab")
    focused = (
        "() => [document.activeElement.getAttribute('href'), document.activeElement.innerText]"
    )
    assert page.evaluate(focused) == ["#main-content", "Skip to main content"]
    page.wait_for_timeout(300)
    assert page.evaluate("() => document.activeElement.getBoundingClientRect().top") >= 0
    assert page.locator("main#main-content").count() == 1
    page.close()


def test_the_front_page_shows_three_ways_in_and_a_picture(address, context):
    page, _ = open_page(context, address + "index.html")
    ways = page.eval_on_selector_all(".ways strong", "all => all.map(one => one.innerText)")
    assert ways == ["Read", "Run", "Teach"]
    picture = page.locator(".front-figure img")
    assert picture.evaluate("image => image.naturalWidth") > 0
    assert len(picture.get_attribute("alt")) > 80
    top = page.locator(".ways").bounding_box()["y"]
    assert top < DESKTOP["height"], "the three ways begin below the first screen"
    page.close()


def test_formulas_are_drawn_and_readable_by_screen_readers(site, visits):
    for name, visit in visits.items():
        source = (site.html / name).read_text(encoding="utf-8").count('class="math notranslate')
        assert visit.formulas == [source, source, 0], name
    assert sum(visit.formulas[0] > 0 for visit in visits.values()) > len(chapters(site.tree)) / 2


def test_figures_lie_on_the_page_in_the_dark(site, address, context):
    """No white card, and the ink is raised, but only in the dark."""
    page, _ = open_page(context, address + "index.html")
    style = "image => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter]"
    image = page.locator(".front-figure img")
    set_theme(page, "light")
    assert image.evaluate(style) == ["rgba(0, 0, 0, 0)", "none"]
    set_theme(page, "dark")
    background, ink = image.evaluate(style)
    assert background == "rgba(0, 0, 0, 0)"
    assert ink.startswith("brightness(1.")
    page.close()
