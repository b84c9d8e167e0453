"""What is fuzzed: each module's ``check`` takes bytes, and raises for what must not happen.

The readers return, or raise an ``MvotError`` of one line. Anything else is a finding, as are more
than 2 GiB of memory or ten seconds.
"""
