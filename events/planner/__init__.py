"""A visitor's day over several places: which visits, in which order, when to leave.

``problem`` says what is wanted, ``solve`` finds the order, ``check`` looks at a plan without knowing how it
was found, ``reasons`` says why something was left out. Nothing here knows the database or the clock: times
are minutes of one day.
"""
