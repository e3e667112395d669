"""What is folded away says so in one line, which opens it."""

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["math/losses", "projects/house-prices"])
def test_a_fold_shows_one_of_its_two_labels(name, address, browser):
    """Solutions in code stand in cells, sample answers of written exercises outside of them."""
    page = browser.new_page()
    page.goto(f"{address}{name}.html")
    folds = page.locator("details.hide").all()
    assert {
        bool(fold.locator("xpath=ancestor::*[contains(@class,'cell')]").count()) for fold in folds
    } == {
        True,
        False,
    }
    for fold in folds:
        for state in (False, True):
            fold.evaluate("(fold, state) => fold.open = state", state)
            labels = fold.locator("summary p")
            assert [label.is_visible() for label in labels.all()] == [not state, state]
    page.close()
