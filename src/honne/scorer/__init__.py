"""`honne scorer`: a classifier learnt from labels, with a head for each dimension, that judges like any other judge."""
