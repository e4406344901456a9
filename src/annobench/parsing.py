"""What a generated text answers: a lenient reading, which rather reads nothing than guesses.

The published code of RobustFT compares the last words with the label and so reads "Answer: A.",
"(A)" and "The answer is A" as wrong. Here letters, options in other words' company, case and
punctuation do no harm; a text that can be read in two ways has no answer.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase

_MARKUP = re.compile(r"[*`]|__|\\(?:boxed|text|mathrm|mathbf)\b|[{}\\]|\$(?![\d.])")
_ANSWER = re.compile(r"\banswers?\s*(?:is\b|would be\b|[:=])[\s:=]*", re.IGNORECASE)
_FIRST_LETTER = re.compile(
    r"(?:(?:option|choice)\s+)?[(\[<]?([a-z])"
    r"(?=$|[.,:;)\]>\n]|\s+-|\s+(?:because|since|is (?:the )?(?:correct|right|best|answer))\b)",
    re.I | re.A,
)
_WRAPPED_LETTER = re.compile(r"[(\[<]([A-Za-z])[)\]>]")
_NAMED_LETTER = re.compile(
    r"\b(?:option|choice|letter|answer is|choose|pick|select|go with|must be|it is|it's)"
    r"\s+([B-HJ-Z]\b|[AI]\b(?!\s+[a-z]))"
)
_ABBREVIATED = re.compile(r"['\u2019]|(?<=\b[A-Za-z])\.(?=[A-Za-z]\b)")
"""What stands inside a word: don't, U.S."""
_WORD = re.compile(r"(?:(?<!\w)-)?\d+(?:[.,]\d+)*(?!\w)|\w+")
_QUOTES = " \t<>\"'\u201c\u201d\u2018\u2019"
_FULL_STOP = re.compile(r"(?<!\.\w)\.$")
_NEGATIONS = {"not", "never", "nor", "neither", "than", "unlike", "cannot", "excluding"}
_NEGATIONS |= {"isnt", "arent", "wasnt", "werent", "cant", "couldnt", "wouldnt"}
_FILLERS = {"a", "an", "the", "be", "option", "choice", "answer"}


def option_said(text: str, options: Sequence[str], letters: bool) -> int | None:
    """The option that a text names; None if it names none, or more than one.

    What counts is behind the last "answer:" or "answer is", if there is one: its first line, else
    all of it. Of a text without, the first and the last line count if one of them is an answer
    and nothing else. Else the one option that occurs anywhere is the answer. `letters`: the
    options were listed as A, B, C ...
    """
    found = _only_an_option(text, options, letters)
    if found is not None:
        return found
    text = _MARKUP.sub("", text)
    behind = _behind_answer(text)
    lines = _lines(text if behind is None else behind)
    if not lines:
        return None
    ends = lines[:1] if behind is not None else [lines[0], lines[-1]]
    leading = {_leading_option(line, options, letters) for line in ends} - {None}
    if leading:
        return leading.pop() if len(leading) == 1 else None
    named = set() if behind is None else _occurring(lines[0], options, letters)
    named = named or _occurring("\n".join(lines), options, letters)
    return named.pop() if len(named) == 1 else None


def text_said(text: str) -> str | None:
    """The free text that a text answers: the first line behind the last "answer:" or "answer is",
    or its only line; without markup, quotes and a full stop. None if there is no such line."""
    text = _MARKUP.sub("", text)
    behind = _behind_answer(text)
    lines = _lines(text if behind is None else behind)
    if not lines or (behind is None and len(lines) > 1):
        return None
    return _FULL_STOP.sub("", lines[0].strip(_QUOTES)).strip(_QUOTES) or None


def _behind_answer(text: str) -> str | None:
    marks = list(_ANSWER.finditer(text))
    return text[marks[-1].end() :] if marks else None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _words(text: str) -> tuple[str, ...]:
    """Case, punctuation and apostrophes aside."""
    plain = _ABBREVIATED.sub("", _MARKUP.sub("", text)).casefold()
    return tuple(_WORD.findall(plain))


def _only_an_option(text: str, options: Sequence[str], letters: bool) -> int | None:
    """The option whose text this is, to the letter or but for case and punctuation."""
    if letters and len(text.strip(" \n().*")) == 1:
        return None
    for form in (str.strip, _words):
        same = [k for k, option in enumerate(options) if form(text) and form(option) == form(text)]
        if len(same) == 1:
            return same[0]
    return None


def _leading_option(line: str, options: Sequence[str], letters: bool) -> int | None:
    """The option that a line begins with and that punctuation sets apart from the rest."""
    if letters and (match := _FIRST_LETTER.match(line)):
        number = _number(match[1], options)
        other = _only_an_option(line[match.end() :].strip(" .,:;)]>-"), options, letters)
        return number if other in (None, number) else None
    whole = _only_an_option(line, options, letters)
    if whole is not None:
        return whole
    starts = []
    for k, option in enumerate(options):
        if words := re.findall(r"\w+", option):
            match = re.match(
                r"\W*" + r"\W+".join(words) + r"(?=\s*(?:[.,:;()](?!\d)|$|-\s))", line, re.I
            )
            starts += [(match.end(), k)] if match else []
    longest = [k for end, k in starts if end == max(starts)[0]]
    return longest[0] if len(longest) == 1 else None


def _occurring(text: str, options: Sequence[str], letters: bool) -> set[int]:
    """The options that a text names by word or letter and does not negate."""
    words = _words(text)
    spans = []
    for k, option in enumerate(options):
        own = _words(option)
        for start in range(len(words) - len(own) + 1):
            if own and words[start : start + len(own)] == own:
                spans.append((start, start + len(own), k))
    named = {
        k
        for start, end, k in spans
        if not _negated(words[:start])
        and not any(a <= start and end <= b and b - a > end - start for a, b, _ in spans)
    }
    if letters:
        forms = (_WRAPPED_LETTER.finditer, _NAMED_LETTER.finditer)
        matches = [match for form in forms for match in form(text)]
        matches += filter(None, [_FIRST_LETTER.match(text)])
        numbers = [
            _number(m[1], options) for m in matches if not _negated(_words(text[: m.start()]))
        ]
        named |= {number for number in numbers if number is not None}
    return named


def _negated(before: Sequence[str]) -> bool:
    """Whether these words end in a negation of what follows."""
    rest = list(before)
    while rest and rest[-1] in _FILLERS:
        rest.pop()
    return bool(rest) and rest[-1] in _NEGATIONS


def _number(letter: str, options: Sequence[str]) -> int | None:
    number = ascii_uppercase.index(letter.upper())
    return number if number < len(options) else None
