"""A coming edition to look at and to try: fictional hosts, real venues, labelled as a demonstration."""
