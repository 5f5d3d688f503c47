"""The audit of a judge: pairs of answers that differ in one thing only, put to the judge as any answers are.

`exchanges.toml` is the shipped set, `probes.toml` the wordings of what is changed. `_exchanges` and `_own` give base
answers (the shipped ones, or those of the user's runs), `_changes` changes one thing in each, `carry` has it all judged
in a run folder. What is counted then is `honne.metrics._audit`.
"""
