"""Places: booked, given back, waited for, withdrawn. The only rules that move a slot's counters.

``book`` is the one to read first. ``waiting`` offers what comes free, ``holds`` keeps places for a while and
ends that, ``settle`` turns them into a visit; ``move``, ``cancel`` and ``withdraw`` change one; ``pools``,
``openings`` and ``overbooking`` say who may have which places when; ``ballot``, ``draw`` and ``drawing`` give
them by lot. ``conduct`` knows what one person may hold. ``counters`` holds the conditional updates all of
them end on, ``locks`` their order, ``refusing`` finds the words for a no, ``patience`` tries again what the
database could not serialise.
"""
