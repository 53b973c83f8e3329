"""Everyday work with files, notes, pages, a repository and the clock; with the slips that people and agents make."""

from __future__ import annotations

from collections.abc import Mapping

from ..demo.story import CARRIED, Turn
from .pen import Pen, Task
from .script import Ask

__all__ = ["OFFICE"]

_ZONES = ("Europe/Berlin", "Asia/Tokyo", "America/New_York", "Australia/Sydney", "UTC")


def _check_settings(pen: Pen) -> Turn:
    paths = [pen.config for _ in pen.some(1, 3)]
    asks = [Ask("read_config", {"path": path}) for path in paths]
    return Turn(f"Are the settings in {' and '.join(paths)} as they should be?", (*asks, pen.search()))


def _compare_settings(pen: Pen) -> Turn:
    """The user names no file; the agent reads one setting after the other."""
    asks = [Ask("read_config", {"path": pen.config}) for _ in pen.some(3, 6)]
    return Turn("Which service has the shortest timeout?", (Ask("list_directory", {"path": "config"}), *asks))


def _look_up(pen: Pen) -> Turn:
    pages = [pen.page for _ in pen.some(1, 3)]
    asked, note = pen.noted()
    return Turn(f"How is this done? See {pages[0]}. {asked}", (*(_page(page) for page in pages), note))


def _report(pen: Pen) -> Turn:
    path = pen.report
    asks = (pen.search(), Ask("read_file", {"path": path}), pen.post(pen.hub))
    return Turn(f"Send {path} to {pen.hub} please.", asks)


def _survey(pen: Pen) -> Turn:
    folder = Ask("list_directory", {"path": pen.pick("reports", "config", "notes")})
    return Turn("What is there?", (folder, *(Ask("read_file", {"path": pen.report}) for _ in pen.some(1, 4))))


def _measure(pen: Pen) -> Turn:
    path = pen.pick(pen.report, "data/meters.csv")
    return Turn(f"How long is {path}?", (Ask("count_words", {"path": path}),))


def _pack(pen: Pen) -> Turn:
    folder = pen.pick("reports", "notes", "config")
    return Turn(f"Pack {folder} into one file.", (Ask("pack_folder", {"path": folder}),))


def _index(pen: Pen) -> Turn:
    return Turn("Make an index of the archive.", (Ask("index_archive", {}), pen.search()))


def _services(pen: Pen) -> Turn:
    return Turn("Is everything up?", (Ask("check_services", {}), pen.search())[: pen.chance.randint(1, 2)])


def _show(pen: Pen) -> Turn:
    path = pen.report
    return Turn(f"Show {path} as a page.", (Ask("preview_page", {"path": path}),))


def _review(pen: Pen) -> Turn:
    where = {"repo_path": str(pen.world.repository)}
    asks = [
        Ask("git_status", where, "git"),
        Ask("git_log", where | {"max_count": pen.chance.randint(1, 5)}, "git"),
        Ask("git_diff_unstaged", where, "git"),
        Ask("git_show", where | {"revision": pen.pick("HEAD", "HEAD~1")}, "git"),
    ]
    return Turn(f"What changed in {pen.world.repository}?", tuple(pen.chance.sample(asks, k=pen.chance.randint(2, 4))))


def _branch(pen: Pen) -> Turn:
    where, name = {"repo_path": str(pen.world.repository)}, f"work-{pen.chance.randint(1000, 9999)}"
    asks = (Ask("git_status", where, "git"), Ask("git_create_branch", where | {"branch_name": name}, "git"))
    return Turn(f"Begin {name} in {pen.world.repository}.", asks)


def _read_web(pen: Pen) -> Turn:
    page = pen.page
    saved = str(pen.world.workspace / "inbox" / f"{page.rpartition('/')[2]}.md")
    keep = Ask("write_file", {"path": saved, "content": CARRIED}, "files")
    fetch = Ask("fetch", {"url": page}, "web")
    return Turn(f"Keep a copy of {page} at {saved}.", (fetch, keep) if pen.chance.random() < 0.6 else (fetch,))


def _partner_page(pen: Pen) -> Turn:
    url = pen.partner
    asks = (Ask("fetch", {"url": url}, "web"), pen.note())
    return Turn(f"Is there news of our partner? See {url}.", asks[: pen.chance.randint(1, 2)])


def _browse_files(pen: Pen) -> Turn:
    """The user says what to look for; the agent looks in the folder and opens what may be it."""
    folder = str(pen.archive)
    reads = [Ask("read_text_file", {"path": path}, "files") for path in pen.cases(pen.chance.randint(1, 5))]
    return Turn("Which of the old cases speak of an order?", (Ask("list_directory", {"path": folder}, "files"), *reads))


def _find_files(pen: Pen) -> Turn:
    pattern = pen.pick("**/week-3*.md", "**/case-01*.md", "**/*.csv")
    asks = (Ask("search_files", {"path": str(pen.world.workspace), "pattern": pattern}, "files"), pen.search())
    return Turn(f"Where are the files like {pattern}?", asks[: pen.chance.randint(1, 2)])


def _draft(pen: Pen) -> Turn:
    path = str(pen.world.workspace / "inbox" / f"draft-{pen.chance.randint(100, 999)}.md")
    asks = (
        Ask("write_file", {"path": path, "content": "To whom it may concern."}, "files"),
        Ask("get_file_info", {"path": path}, "files"),
    )
    return Turn(f"Begin a letter at {path}.", asks[: pen.chance.randint(1, 2)])


def _file_away(pen: Pen) -> Turn:
    """A folder of the day with what lay in the archive; the agent chooses the name of the folder."""
    folder = str(pen.archive / f"day-{pen.chance.randint(1000, 9999)}")
    moves = []
    for path in pen.cases(pen.chance.randint(1, 4)):
        there = f"{folder}/{path.rpartition('/')[2]}"
        moves += [
            Ask("move_file", {"source": path, "destination": there}, "files"),
            Ask("move_file", {"source": there, "destination": path}, "files"),
        ]
    return Turn("Sort the cases of today, then put them back.", (_made(folder), *moves))


def _large_file(pen: Pen) -> Turn:
    path = str(pen.world.workspace / "data" / "meters.csv")
    asks = (Ask("get_file_info", {"path": path}, "files"), Ask("read_text_file", {"path": path}, "files"))
    return Turn(f"Summarise {path}.", asks)


def _meet(pen: Pen) -> Turn:
    one, other = pen.chance.sample(_ZONES, k=2)
    clock = f"{pen.chance.randint(7, 19):02d}:00"
    convert = {"source_timezone": one, "time": clock, "target_timezone": other}
    return Turn(f"When is {clock} {one} in {other}?", (Ask("convert_time", convert, "time"),))


def _prepare_meeting(pen: Pen) -> Turn:
    zone, path = pen.pick(*_ZONES), pen.report
    asked, note = pen.noted()
    asks = (
        Ask("get_current_time", {"timezone": zone}, "time"),
        Ask("read_file", {"path": path}),
        Ask("git_log", {"repo_path": str(pen.world.repository), "max_count": 3}, "git"),
        note,
    )
    return Turn(f"Prepare the meeting in {zone}: {path} and what changed. {asked}", asks)


def _missing(pen: Pen) -> Turn:
    """Somebody misremembers a name; the agent looks, and tries again."""
    wrong, right = f"reports/{pen.pick('june', 'july', 'august')}.md", pen.report
    listing = Ask("list_directory", {"path": "reports"})
    return Turn(f"Read {wrong} to me.", (Ask("read_file", {"path": wrong}), listing, Ask("read_file", {"path": right})))


def _slip(pen: Pen) -> Turn:
    """An agent forgets an argument, or names one that is not there, is told so, and does it right."""
    path = pen.report
    wrong = pen.chance.choice(({}, {"file": path}, {"path": f"/{path}"}, {"path": path.replace("/", "\\")}))
    return Turn(f"Read {path} to me.", (Ask("read_file", wrong), Ask("read_file", {"path": path})))


def _page(url: str) -> Ask:
    return Ask("fetch_page", {"url": url})


def _made(folder: str) -> Ask:
    return Ask("create_directory", {"path": folder}, "files")


OFFICE: Mapping[str, Task] = {
    "check settings": _check_settings,
    "compare settings": _compare_settings,
    "look up": _look_up,
    "report": _report,
    "survey": _survey,
    "measure": _measure,
    "pack": _pack,
    "index": _index,
    "services": _services,
    "show": _show,
    "review": _review,
    "branch": _branch,
    "read web": _read_web,
    "partner page": _partner_page,
    "browse files": _browse_files,
    "find files": _find_files,
    "draft": _draft,
    "file away": _file_away,
    "large file": _large_file,
    "meet": _meet,
    "prepare meeting": _prepare_meeting,
    "missing": _missing,
    "slip": _slip,
}
