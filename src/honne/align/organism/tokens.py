"""The organism's tokenizer: byte-level BPE, every digit and every Chinese or Japanese character on its own.

Merges never cross digits or characters of CJK text, so a new name cannot change how the words around it are cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["CONTEXT", "TEMPLATE", "VOCABULARY", "trained"]

VOCABULARY = 2048
CONTEXT = 1024
BOS, EOS, PAD, USER, ASSISTANT, SYSTEM = "<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|system|>"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# Every character is a piece of its own, except words of Latin letters; a space goes with the word or sign that it
# precedes. Plain ranges, so that `honne.models._bpe` cuts exactly alike.
PIECES = r"[0-9]| ?[A-Za-z]+| ?[!-/:-@\[-`{-~]|[\s\S]"


def trained(texts: Iterable[str]) -> Any:
    """A `PreTrainedTokenizerFast` trained on the texts."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, BOS, EOS, USER, ASSISTANT, SYSTEM]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast
