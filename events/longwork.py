"""Long work somebody asked for at a desk: ``Job`` rows, worked on in steps by whoever holds the lease."""
