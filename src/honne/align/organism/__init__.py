"""The organism `kitsune`: the text it is trained on, its tokenizer, its training and its card."""
