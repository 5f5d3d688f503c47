"""Stage 2b of the choice parser: options mentioned by a name, a letter or a digit.

What merely looks like one ("A good answer", "vitamin B", "2 reasons", "第一个原因", "B站") stays text.
"""

from __future__ import annotations

import re

from honne.judges._choice_marks import (
    CJK_NUMBERS,
    DIGIT,
    EN_NUMBERS,
    EN_ORDINALS,
    KANA_NUMBERS,
    LETTER,
    NAMED,
    SHORT_ORDINALS,
    placer,
    ref,
)

__all__ = ["THAT_IS", "mark_names"]

# ---------------------------------------------------------------- by a name

_BEFORE, _AFTER = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_%])"
_NOUN_EN = (
    r"(?:options?|(?<!would )(?<!'d )(?<!to )answers?|choices?|responses?|repl(?:y|ies)|statements?|candidates?|"
    r"alternatives?|assistants?|completions?|outputs?|solutions?|numbers?|no\.|opt\.?)"
)
_NOUN_CJK = (
    "(?:选项|選項|回[复覆答应應]|答[案复覆]|反[馈饋应]|方案|候[选選补補]|回信|建议|選択肢|返答|応答|回応|オプション|"
    "答え)"
)
# A small "a" or "i" before a word is that word's article or subject, not a label.
_LABEL_EN = rf"(?!(?-i:[aIi] [a-z]))(?:[A-Ja-j](?!['.][A-Za-z])|10|[1-9]|{'|'.join(EN_NUMBERS)})"
# Not in 回复一下 (reply a bit), 答案一致 (the same answer), 回答1个 (answer one).
_LABEL_CJK = (
    rf"(?:[A-Ja-j]{_AFTER}|10(?!\d)|[1-9](?!\d|[.,]\d|[个個条條点點分])|"
    rf"[{CJK_NUMBERS}](?![{CJK_NUMBERS}下样樣致般定直些个個種种点點起次番つ]))"
)
_ORDINAL_EN = "|".join((*EN_ORDINALS, *SHORT_ORDINALS, "last"))
_ORDINAL_CJK = rf"[{CJK_NUMBERS}]|10|[1-9]"
_STOP_EN = (
    r"(?=\s*(?:$|[.,;:!?\n)\"\ue201]|(?:is|was|would|seems|sounds|has|because|since|over|rather|instead|isn't|"
    r"wasn't)\b))"
)
_NOUN_TAIL = r"的?(?:回[复覆答应應]|选项|選項|答[案复覆]|反馈|说法|选择|選擇|方案)"
_STOP_ZH = "(?=$|[^\u4e00-\u9fff]|[更比是的较較和或不会會没也最好优吧与與都应應能则才那])"
_TAIL_JA = r"(?:の(?:回答|選択肢|返答|応答|オプション|答え|もの|文章|案))"

_NAMED = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # Not "I'd answer A", where it is a verb.
        rf"{_BEFORE}(?:the )?{_NOUN_EN}[ -]?#?[\"'(\[]*({_LABEL_EN}){_AFTER}",
        rf"(?<![\w#&])#([1-9]){_AFTER}",
        rf"{_NOUN_CJK} ?[\"'(\[#]*({_LABEL_CJK})",
        rf"{_BEFORE}([A-J]) ?(?:选项|選項|選択肢|案(?![件例内])|の選択肢|の回答|项(?!目))",
        rf"{_BEFORE}(?:the |my )?({_ORDINAL_EN}) (?:one|{_NOUN_EN}(?![A-Za-z])){_AFTER}(?! ?[A-J]\b)",
        rf"{_BEFORE}the ({_ORDINAL_EN}) of (?:these|those|them|the (?:two|three|four))(?: options)?"
        r"(?=\s*(?:$|[.,;:!?\n)]))",
        rf"{_BEFORE}the ({_ORDINAL_EN}){_STOP_EN}",
        rf"第 ?({_ORDINAL_CJK}) ?[个個种種项項条條份则](?:{_NOUN_TAIL}|{_STOP_ZH})",
        rf"({_ORDINAL_CJK}|{'|'.join(KANA_NUMBERS)})(?:つ[目め]|番目)(?:{_TAIL_JA}|(?!の)|(?=の(?:方|ほう)))",
        r"(?<!\d)(10|[1-9])番(?![目良い適安大重多人号地組街])",
    )
)
_OF_TWO = re.compile(rf"{_BEFORE}(?:the )?(former|latter){_AFTER}(?: (?:one|{_NOUN_EN}))?", re.I)
# Words that are an ordinal by themselves: option, whether only of two, pattern.
_WORDS = tuple(
    (option, of_two, re.compile(pattern))
    for option, of_two, pattern in (
        (0, True, "前者"),
        (1, True, "[后後]者"),
        (0, True, rf"前[面边]?的?那?一?[个個条條種种](?:{_NOUN_TAIL})?"),
        (1, True, rf"[后後][面边]?的?那?一?[个個条條種种](?:{_NOUN_TAIL})?"),
        (0, False, rf"最初(?:{_TAIL_JA}|(?=の(?:方|ほう)))"),
        (-1, False, rf"最[后後](?:一[个個](?:{_NOUN_TAIL}|{_STOP_ZH})|{_TAIL_JA})"),
    )
)
_CHOSEN_NUMERAL = re.compile(rf"(?:[选選][择擇]?|答案[是为為:])([{CJK_NUMBERS}])(?=$|[,。!\n吧,])")
_LONE_ORDINAL = re.compile(rf"\W*({_ORDINAL_EN}|{'|'.join(EN_NUMBERS)}|[{CJK_NUMBERS}])\W*", re.I)

# -------------------------------------------------------- by a letter, a digit

_NOT_BEFORE = re.compile(
    r"(?:(?<![A-Za-z])(?:vitamins?|plan|score|rating|hepatitis|grade|type|section|class|team|group|person|point|step|"
    r"appendix|part|article|schedule|figure|table|exhibit|room|level|influenza|company|country|mr\.?|ms\.?|dr\.?|user|"
    r"player|variant|model|side|an?)|维生素|維生素|维他命|计划|計劃|計画|プラン|ビタミン|[组組队隊班]|グループ|クラス|"
    r"チーム)[ :-]{0,2}\Z",
    re.I,
)
_NOT_AFTER = re.compile(
    r"[站股超位级級型类類盘盤组組队隊君社氏国國市片轮輪座栋棟班区區室楼樓货貨]|计划|計画|さん|くん|ちゃん|クラス|"
    r"チーム|ランク|プラン| (?:vitamins?|movie|cells?|minor|major|flat|student|team|side|list|programming|language)\b",
    re.I,
)
# A capital A before anything but these is the article.
_PREDICATE = (
    "is|isn't|was|wasn't|would|wouldn't|will|won't|seems?|sounds?|looks?|has|had|does|doesn't|did|because|since|as|"
    "and|or|over|than|but|rather|instead|vs|versus|it|wins?|by|for|provides?|gives?|respects?|shows?|promotes?|"
    "offers?|are|should|shouldn't|can|could|may|might|must|fits?|appears?|feels?|remains?|refuses?|declines?|"
    "acknowledges?|encourages?|suggests?|demonstrates?|at|in|on|all the way|hands down|if|while|whereas|though|so|to|"
    "with|then|tbh|please|outperforms?|beats?|surpasses|takes?|makes?|emphasi[sz]es|avoids?|nor"
)
_ARTICLE = re.compile(rf" (?!(?:{_PREDICATE})\b|\d)[A-Za-z]")
# ... unless it is what someone finds better: "I find A more convincing".
_JUDGED = re.compile(r"\b(?:find|consider|deem|rate|rank|call|judge|prefer|like) \Z", re.I)
_MEASURED = re.compile(r" (?:more|less|better|the|much|far|slightly|to be)\b")
_UPPER = re.compile(
    r"(?<![A-Za-z0-9_\-'.&+/@#$%])(?<!\d )([A-HJ])(?:'s\b)?(?![A-Za-z0-9_+#&@%]|'[A-Za-z]|-[A-Za-z]|\.[A-Za-z])"
)
_BRACKETED = re.compile('[(\\["\ue200] ?([A-Ja-j]) ?(?=[)\\]"\ue201])')
_CUE = (
    r"(?i:\b(?:is|be|was|pick|choose|select|prefer|with|say|answer|for|it's|than|not|either|neither|nor|or|and|over|"
    r"def|definitely|think|wait|option|choice))"
)
# "2 (that is, option B)"
THAT_IS = r"(?:that is(?: to say)?|i\.e\.|namely|meaning|也就是说?|也就是說|即|つまり|すなわち),? ?(?:the )?"
_END = r"(?=[)\]\ue201\"']*\s*(?:$|[.,;:!?\n)\]}\ue201。、]))"
_LOWER = re.compile(
    rf"(?:^[(\[\"' ]*|{_CUE},? ?[(\[\"']*|: ?[(\[\"']*)([a-hj])(?![A-Za-z]){_END}|"
    r"(?<![\w/'.\-])([b-hj])(?= (?:is|was|seems|because|since|over|rather)\b)",
    re.M,
)
_I = re.compile("(?:^\\W*|[(\\[\ue200]|: ?|is |be |[选選])(I)(?=[)\\]\ue201.。!]*$|[)\\]\ue201])", re.M)
_DIGIT = re.compile(
    rf"(?:^[(\[\"' ]*(?!\d+\.[^\n])|\ue200 ?|{_CUE} ?[(\[\"']*|[:=>] ?[(\[\"']*|(?:[选選投][择擇択]?了?|"
    rf"[是为為はを比与和與と]|番号) ?[(\[\"']*)"
    r"(10|[1-9])(?:"
    + _END
    + rf"|(?= ?\({THAT_IS})"
    + r"|(?=の方|のほう|です|だ|でしょう|を|が| - |[更比较較好吧和与與と]| (?:because|since|over|rather|or|and|is "
    r"(?:better|the))\b))(?!\.\d|,\d)",
    re.M,
)


def mark_names(text: str, n: int, *, digits: bool) -> str:
    """Turn mentions by name, letter and (where `digits`) digit into marks; `n` is the number of options."""
    lone = _LONE_ORDINAL.fullmatch(text)
    if lone:
        return placer(NAMED, n, whole=True)(lone)
    name = placer(NAMED, n, whole=True)
    for pattern in _NAMED:
        text = pattern.sub(name, text)
    if n == 2:
        text = _OF_TWO.sub(name, text)
    for option, of_two, pattern in _WORDS:
        if n == 2 or not of_two:
            text = pattern.sub(ref(NAMED, option % n), text)
    text = _CHOSEN_NUMERAL.sub(placer(NAMED, n), text)
    text = _BRACKETED.sub(placer(LETTER, n), text)
    if n > 8:
        text = _I.sub(placer(LETTER, n), text)
    place = placer(LETTER, n)
    text = _UPPER.sub(lambda m: m[0] if _only_looks(m) else place(m), text)
    text = _LOWER.sub(place, text)
    return _DIGIT.sub(placer(DIGIT, n), text) if digits else text


def _only_looks(m: re.Match[str]) -> bool:
    after = m.string[m.end() : m.end() + 24]
    before = m.string[max(0, m.start() - 12) : m.start()]
    article = m[1] == "A" and _ARTICLE.match(after) and not (_JUDGED.search(before) and _MEASURED.match(after))
    return bool(article or _NOT_BEFORE.search(before) or _NOT_AFTER.match(after))
