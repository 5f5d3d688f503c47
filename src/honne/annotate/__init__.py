"""People's labels: the place where they are made, and what is made of them.

The store (`database`, `tables`, `people`, `projects`, `queue`, `submit`, `adjudicate`, `agreement`, `exporting`,
`importing`) knows nothing of the web; `server` is its pages. Needs `honne[annotate]`.
"""
