"""Docs, code and SQL use plain words in short sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md")
PAGES = [*(ROOT / name for name in PROJECT), *sorted((ROOT / "docs").rglob("*.md"))]
# Their sentences are short too. They are read by the line, so their average says little
LISTS = [ROOT / "CHANGELOG.md", ROOT / "include" / "amc_emulator" / "README.md"]

# Each pattern is a word that an earlier text used in a sense of its own. The second entry is what
# to write instead. A pattern must not match a standard term: "order" is ORDER BY too.
REPLACED = {
    r"anew": "again",
    r"befalls?": "happens to",
    r"books": "run record",
    r"fate": "outcome",
    r"former(?:ly)?": "previous, earlier",
    r"hopeless": "final",
    r"knock(?:s|ed|ing)?": "check",
    r"mend(?:s|ed|ing)?": "correct, repair",
    r"shelf": "storage",
    r"stands? in": "is in, replaces",
    r"told": "a noun, or says",
    r"troubles?": "error, failure",
    r"upkeep": "maintenance",
    r"whoever": "a noun",
}
_WORD = re.compile(rf"\b(?:{'|'.join(REPLACED)})\b", re.IGNORECASE)

MAX_WORDS_IN_SENTENCE = 25
MAX_AVERAGE_WORDS = 11
MAX_README_LINES = 150
MAX_TERMS = 25


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _texts() -> Iterator[Path]:
    """Yield every file of docs, code and SQL that people read."""
    yield from PAGES
    for folder in ("plugins", "dags", "include"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".js", ".md", ".py", ".sql", ".toml"} and "vendor" not in path.parts:
                yield path
    for name in ("CHANGELOG.md", "SECURITY.md", "Makefile", "Procfile", "Dockerfile"):
        yield ROOT / name
    yield from (ROOT / "docker-compose.yaml", ROOT / ".env.example", ROOT / "docs" / "conf.py")


def test_no_replaced_word_comes_back() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in _texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for word in _WORD.findall(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["ORDER BY position", "the following table", "recommended", "bookstore"]
)
def test_a_pattern_gives_no_false_alarm(text: str) -> None:
    assert not _WORD.search(text)


# --- Sentences ---------------------------------------------------------------------------------

_CODE_BLOCK = re.compile(r"^(`{3,}).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ITEM = re.compile(r"^(?:[-*]|\d+\.) ")
_END = re.compile(r"(?<=[.!?])[*_\")]*\s+")
_PART = re.compile(r"[\w'’/+.,%°§-]*\w[\w'’/+.,%-]*")


def _prose(text: str) -> Iterator[str]:
    """Yield each paragraph, item and table cell of a page. Code counts as one word."""
    text = _CODE_BLOCK.sub("", _COMMENT.sub("", text))
    text = re.sub(r"`[^`\n]*`", "CODE", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    paragraph: list[str] = []
    for line in (*text.splitlines(), ""):
        stripped = line.strip()
        is_code = line.startswith("    ") and not paragraph
        if not stripped or is_code or stripped[0] in "#|" or _ITEM.match(stripped):
            yield " ".join(paragraph)
            paragraph = []
        if stripped.startswith("|"):
            yield from re.split(r"(?<!\\)\|", stripped)
        elif stripped and not is_code and not stripped.startswith("#"):
            paragraph.append(_ITEM.sub("", stripped) if not paragraph else stripped)


def sentence_lengths(text: str) -> list[tuple[int, str]]:
    """Return the sentences of a page, each with the number of its words."""
    sentences = (one for paragraph in _prose(text) for one in _END.split(paragraph))
    counted = ((len(_PART.findall(one)), one) for one in sentences)
    return [(words, sentence) for words, sentence in counted if words]


@pytest.mark.parametrize("page", [*PAGES, *LISTS], ids=page_id)
def test_a_sentence_is_short(page: Path) -> None:
    lengths = sentence_lengths(page.read_text(encoding="utf-8"))
    assert [one for one in lengths if one[0] > MAX_WORDS_IN_SENTENCE] == []


def test_sentences_are_short_on_average() -> None:
    lengths = [
        words
        for page in PAGES
        for words, _ in sentence_lengths(page.read_text(encoding="utf-8"))
        if words > 3  # not the cells of tables
    ]
    assert sum(lengths) / len(lengths) <= MAX_AVERAGE_WORDS


def test_sentences_are_counted_as_a_reader_counts_them() -> None:
    page = (
        "# Title\n\nOne two. Three\nfour 5. `six`.\n\n- Seven: eight\n\n    code\n\n| a b | c |\n"
    )
    assert [words for words, _ in sentence_lengths(page)] == [2, 3, 1, 2, 2, 1]


# --- Size --------------------------------------------------------------------------------------


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_the_glossary_defines_each_of_few_terms_once() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| ([\w ]+) \| ", text, re.MULTILINE)[1:]
    assert len(terms) == len(set(terms)) <= MAX_TERMS
