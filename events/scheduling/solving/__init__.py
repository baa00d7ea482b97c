"""The automatic timetable: a problem goes in, an outcome comes out. Knows nothing of the site's tables."""
