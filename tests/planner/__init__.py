"""A visitor’s day: order, ways, reasons."""
