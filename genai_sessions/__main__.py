"""`python -m genai_sessions` is the command itself: services start each other this way, whatever PATH says."""

import sys

from genai_sessions.cli import main

sys.exit(main())
