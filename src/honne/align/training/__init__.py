"""`honne align`: a language model trained on preference pairs, over Hugging Face Accelerate."""

from honne.align.training._asked import asked
from honne.align.training._load import need_packages
from honne.align.training._settings import Lora, Settings, method_of
from honne.align.training._train import train

__all__ = ["Lora", "Settings", "asked", "method_of", "need_packages", "train"]
