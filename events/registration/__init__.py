"""Places: booked, given back, waited for, withdrawn. The only rules that move a slot's counters.

``book`` is the one to read first. ``counters`` holds the conditional updates all of them end on, ``refusing``
finds the words for a no, ``patience`` tries again what the database could not serialise.
"""
