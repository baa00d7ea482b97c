"""Partners told by their own servers: ``tell`` owes, ``deliver`` sees that it arrives, ``reach`` and
``signing`` say how.
"""
