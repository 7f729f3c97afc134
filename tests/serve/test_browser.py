"""The whole path in a browser: type, forecast, what-if, download, reload the link, a group; and without JavaScript.

Skipped where there is no chromium.
"""

import io
import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from laborllm.serve import Served, create_app
from laborllm.serve.operation.observe import JsonLines
from serve.conftest import OPEN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"), pytest.mark.slow]
expect.set_options(timeout=30_000)  # of a busy machine
SERIOUS = ("serious", "critical")
ALSO = ("empty-table-header", "heading-order", "region", "page-has-heading-one")


@pytest.fixture(scope="module")
def address(served: Served) -> Iterator[str]:
    """A server on a free port of loopback, in a thread."""
    config = uvicorn.Config(create_app(served, OPEN), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A fresh browser, whose every request goes to the server and whose console stays silent."""
    found = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    said: list[str] = []
    elsewhere: list[str] = []
    found.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    found.on("weberror", lambda error: said.append(str(error.error)))
    found.on("request", lambda request: None if request.url.startswith(address) else elsewhere.append(request.url))
    yield found
    found.close()
    assert not elsewhere
    assert not said


def type_career(page: Page) -> None:
    """Two jobs, typed, with a title taken as the server suggests it."""
    page.goto("/")
    page.get_by_label("Job title").fill("Cashier")
    page.get_by_label("From").fill("2018")
    page.get_by_role("button", name="Add a job").click()
    second = page.get_by_role("group", name="Job 2")
    second.get_by_label("Job title").press_sequentially("line cook")
    expect(page.locator("datalist#titles option[value='Cooks']")).to_be_attached()
    second.get_by_label("Job title").fill("Cooks")
    second.get_by_label("From").fill("2021")
    second.get_by_label("To").fill("2024")
    page.get_by_role("button", name="Look ahead").click()
    expect(page.get_by_role("heading", name="In 2025, of 100 people with this history")).to_be_visible()


def test_the_whole_path(context: BrowserContext, tmp_path: Path) -> None:
    page = context.new_page()
    type_career(page)
    shown = page.locator(".people strong").all_inner_texts()
    assert sum(map(int, shown)) == 100

    page.get_by_label("On the last record,").select_option("another job")
    page.get_by_label("namely").fill("Registered nurses")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("if their last year were spent as: Registered nurses")).to_be_visible()

    for kind, start in (("CSV", b"where,20"), ("JSON", b"{"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"({kind})").click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(start)
        if kind == "JSON":
            outcomes = json.loads(content)["simulations"][0]["years"][0]["outcomes"]
            assert [str(each["of_100"]) for each in outcomes] == shown

    link = page.url
    assert "#title=Cashier" in link
    again = context.new_page()
    again.goto(link)
    expect(again.get_by_role("heading", name="In 2025, of 100 people")).to_be_visible()
    assert again.locator(".people strong").all_inner_texts() == shown
    expect(again.get_by_text("if their last year were spent as: Registered nurses")).to_be_visible()
    again.reload()
    expect(again.get_by_role("heading", name="In 2025, of 100 people")).to_be_visible()


def test_the_keyboard_alone_is_enough(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.get_by_label("Job title").focus()
    page.keyboard.type("Cooks")
    page.keyboard.press("Tab")
    page.keyboard.type("2023")
    page.keyboard.press("Enter")  # looks ahead, rather than deleting the line
    expect(page.get_by_role("heading", name="The years ahead")).to_be_visible()
    expect(page.get_by_label("Job title")).to_have_value("Cooks")


def test_a_group_goes_from_a_file_to_a_report(context: BrowserContext) -> None:
    upload_and_report(context.new_page(), title="Nurse aide", people=24)


def upload_and_report(page: Page, *, title: str, people: int) -> None:
    """A file of people, a title of theirs corrected, and the report."""
    page.goto("/groups")
    rows = "".join(f"{at},2015,2024,{'Welder' if at % 2 else title}\n" for at in range(people))
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": f"worker,start,end,title\n{rows}".encode()}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Read the titles").click()
    choice = page.get_by_label(f"Occupation of {title}")
    other = choice.locator("option").nth(1).inner_text()
    choice.select_option(index=1)
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_role("heading", name=f"{people} people")).to_be_visible()
    expect(choice.locator("option:checked")).to_have_text(other)


def test_lines_are_moved_and_taken_away(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Job title").fill("Cashier")
    page.get_by_role("button", name="Add a job").click()
    page.get_by_role("group", name="Job 2").get_by_label("Job title").fill("Cooks")
    page.get_by_role("button", name="Move job 2 up").click()
    expect(page.get_by_role("group", name="Job 1").get_by_label("Job title")).to_have_value("Cooks")
    expect(page.get_by_role("group", name="Job 2").get_by_label("Job title")).to_have_value("Cashier")
    page.get_by_role("button", name="Delete job 1").click()
    expect(page.get_by_label("Job title")).to_have_count(1)
    expect(page.get_by_label("Job title")).to_have_value("Cashier")


@pytest.mark.parametrize(
    "resume",
    [
        "Line cook, Blue Pot (2015 to 2018)\n2019 - present Cashier",
        json.dumps(
            {
                "work": [
                    {"position": "Cashier", "startDate": "2019-03"},
                    {"position": "Line cook", "startDate": "2015-01", "endDate": "2018-06-30"},
                ]
            }
        ),
    ],
    ids=["text", "JSON Resume"],
)
def test_a_resume_is_pasted(context: BrowserContext, resume: str) -> None:
    page = context.new_page()
    page.goto("/")
    page.get_by_text("Paste a resume instead").click()
    page.get_by_label("Lines such as").fill(resume)
    page.get_by_role("button", name="Read it").click()
    first, second = (page.get_by_role("group", name=f"Job {number}") for number in (1, 2))
    expect(first.get_by_label("Job title")).to_have_value("Line cook")
    expect(first.get_by_label("To")).to_have_value("2018")
    expect(second.get_by_label("Job title")).to_have_value("Cashier")
    expect(second.get_by_label("From")).to_have_value("2019")


def test_what_a_link_holds_reaches_no_address_and_no_log(context: BrowserContext) -> None:
    """The fragment is read by the page, and sent in the body of a request."""
    addresses, lines = [], io.StringIO()
    context.on("request", lambda request: addresses.append(request.url))
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in ("laborllm.serve", "uvicorn", "uvicorn.access", "uvicorn.error")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        page = context.new_page()
        page.goto("/#title=Registered+nurses&start=2019&end=2021&education=college&region=west")
        expect(page.get_by_role("heading", name="In 2022, of 100 people")).to_be_visible()
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
    requests = [json.loads(line) for line in lines.getvalue().splitlines() if '"request"' in line]
    assert ("/", "POST", 200) in [(each["route"], each["method"], each["status"]) for each in requests]
    for said in (lines.getvalue(), " ".join(address.partition("#")[0] for address in addresses)):
        assert not any(word in said.lower() for word in ("nurse", "2019", "college", "west"))


def test_the_whole_path_without_javascript(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False, accept_downloads=True)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Job title").fill("line cook")
    page.get_by_label("From").fill("2022")
    page.get_by_role("button", name="Add a job").click()
    page.get_by_role("button", name="Delete job 2").click()
    page.get_by_role("button", name="Look ahead").click()
    expect(page.get_by_role("heading", name="The years ahead")).to_be_visible()
    page.get_by_label("On the last record,").select_option("another job")
    page.get_by_label("namely").fill("Registered nurses")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("region", name="Both versions side by side")).to_be_visible()
    for kind, start in (("CSV", b"where,20"), ("JSON", b"{"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"({kind})").click()
        assert Path(download.value.path()).read_bytes().startswith(start)
    page.goto("/occupations")
    page.get_by_label("A job title").fill("line cook")
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_role("heading", name="Cooks")).to_be_visible()
    upload_and_report(page, title="Baker", people=30)
    with page.expect_download() as download:
        page.get_by_role("button", name="Table (CSV)").click()
    assert Path(download.value.path()).read_bytes().startswith(b"group,year")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (640, "light")])
def test_pages_are_accessible_and_fit(browser: Browser, address: str, width: int, scheme: str) -> None:
    """640 pixels are a window of 1,280 at 200 % zoom."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page, axe = context.new_page(), Axe()

    def check() -> None:
        found = axe.run(page).response["violations"]
        refused = [each for each in found if each["impact"] in SERIOUS or each["id"] in ALSO]
        assert [(each["id"], each["nodes"][0]["html"]) for each in refused] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    for place in ("/", "/groups", "/occupations", "/occupations/436", "/api"):
        page.goto(place)
        check()
    page.goto("/")
    page.get_by_role("button", name="A machinist laid off").click()
    expect(page.get_by_role("heading", name="The years ahead")).to_be_visible()
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")
    check()
    assert page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") == "0s"
    page.goto("/groups")
    page.get_by_role("button", name="Fill in an example").click()
    page.get_by_role("button", name="Read the titles").click()
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_role("heading", name="All of them, over the years")).to_be_visible()
    check()
    context.close()
