"""Typographical errors, seeded: the slips of fingers in English, the wrong character of the right sound in Chinese.

A word between [ ] is never touched (the brackets go); nor are names, numbers and short words in English. At most one
error a word, so that everything stays readable.
"""

from __future__ import annotations

import re

from honne.benchmarks._graded import rank

__all__ = ["plain", "typed"]

_KEPT = re.compile(r"\[([^\]]*)\]")
_WORD = re.compile(r"[a-z]{4,}")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {c: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _ROWS for i, c in enumerate(row)}
# Characters that are often typed for one another: of the same sound, or nearly the same shape. None turns the meaning.
_PAIRS = (
    "比笔 吗嘛 在再 已己 做作 像象 它他 坐座 候侯 晴睛 是事 时实 今金 天添 早枣 晚碗 家加 里理 会回 和合 到道 就旧 因音 所锁 们门 着这 把吧 来莱 "
    "学雪 校笑 友有 手首 机鸡 电店 车扯 想响 知只 看刊 开凯 带戴 每美 点典 房防 箱相 包苞 纸指 书叔 面缅 海孩 站占 赶敢 基积 本夲 厨橱 "
    "够构 最罪 起启 信性 商伤 店电 新心 卖麦 鞋邪 放访 整正 温瘟 桌卓 东冬 邻林 帮邦 馆管 参餐 观官 安按 排牌 轮伦 胎抬 骑奇 借界 图涂 "
    "炉芦 端短 汤烫 屋乌 部布 话画 桥侨 允充 辆俩 通痛 重众 投头 票漂 乐月 团抟 影映 油由 漆膝 刷涮 需须 离漓 客课 导岛 游由 讲奖 解姐 "
    "裹果 寄记 该核 收受 果裹 蛋旦 需须 现见 同桐 孩害 条调 街结 室事 外歪 冰兵 离篱 空控 亮两 喂胃 猫毛 够勾 全权 程成"
)
_SWAPS: dict[str, str] = {}
for _pair in _PAIRS.split():
    _SWAPS.setdefault(_pair[0], _pair[1])


def plain(text: str) -> str:
    """The text without the brackets around its key words."""
    return _KEPT.sub(r"\1", text)


def typed(text: str, lang: str, most: int, *seed: object) -> str:
    """The text as typed in haste: at least one error where it has a place for one, at most `most`."""
    places = [m.span(1) for m in _KEPT.finditer(text)]
    free = [span for span in _places(text, lang) if not any(a <= span[0] < b for a, b in places)]
    chosen = sorted(free, key=lambda span: rank(*seed, "place", span))[:most]
    out = text
    for start, end in sorted(chosen, reverse=True):
        out = out[:start] + _slip(text[start:end], rank(*seed, "slip", start)) + out[end:]
    return plain(out)


def _places(text: str, lang: str) -> list[tuple[int, int]]:
    """Where an error may be: words of at least four small letters, or characters with a double."""
    if lang == "zh":
        return [(i, i + 1) for i, c in enumerate(text) if c in _SWAPS]
    spans = (m.span() for m in _WORD.finditer(text))
    # Part of a capitalised or hyphenated word is no word of its own.
    return [(a, b) for a, b in spans if not text[a - 1 : a].isalpha() and not text[b : b + 1].isalpha()]


def _slip(word: str, draw: bytes) -> str:
    """One error in a word, never at its first letter: two letters swapped, one dropped, doubled, or its neighbour."""
    if word in _SWAPS:
        return _SWAPS[word]
    kind, at = draw[0] % 4, 1 + draw[1] % (len(word) - 2)
    a, b = word[at], word[at + 1]
    if kind == 0 and a != b:
        return word[:at] + b + a + word[at + 2 :]
    if kind == 1 and a not in (word[at - 1], b):
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + a + word[at:]
    near = _NEAR[a]
    return word[:at] + near[draw[2] % len(near)] + word[at + 1 :]
