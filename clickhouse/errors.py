"""What can be wrong with a database, as sentences for a person."""


class DatabaseError(Exception):
    """The message is a sentence that says what is wrong and what to do."""


class DatabaseAway(DatabaseError):
    """Nobody answers, or not in time: it may come back."""


class DatabaseRefused(DatabaseError):
    """It answered, and the answer will not change by waiting: a wrong password, a newer schema, a folder in use."""
