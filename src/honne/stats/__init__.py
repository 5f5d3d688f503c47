"""Statistics as pure functions of arrays: intervals, paired tests, multiple comparisons, power, agreement.

Nothing here reads a record or a file. Clusters are integer labels, one per value; what a cluster is (the forms of one
question, the samples of one item) is decided by the caller. Power (`power`) and Krippendorff's alpha (`agreement`)
are for use as a library: of them, no command uses more than the smallest difference that a comparison would show.
"""
