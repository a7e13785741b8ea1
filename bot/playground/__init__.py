"""The playground: a local stand-in for a TiKV cluster, for trials and tests.

A supervisor keeps six processes: three placement drivers (PD) and three stores. They speak PD's
HTTP API, elect real leaders and lose them, and log in TiKV's words; none of them is TiKV. Only the
standard library is used, and nothing else of this project.
"""

VERSION = "8.5.5-playground"
"""The version that every stand-in reports; the ending says what it is."""
