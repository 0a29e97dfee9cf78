"""The tests, which mirror the packages; what several of them share lies here."""
