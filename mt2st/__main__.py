"""`python -m mt2st` is the command `mt2st`."""

import sys

from mt2st.cli import main

if __name__ == "__main__":
    sys.exit(main())
